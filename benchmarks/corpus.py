"""Made-up chunks and questions for measuring search: clustered vectors, terms after Zipf, a hundred collections in
stretches of equal length."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
import numpy.typing as npt

from adapters.keywords.analyzer import RECORD
from application.knowledge.retrieval import ChunkBatch, Matrix, Vector

DIMENSION = 384
VOCABULARY = 400_000
TERMS_PER_CHUNK = 120
CHUNKS_PER_DOCUMENT = 8
CENTRES = 2000
COLLECTIONS = 100
ZIPF = 1.25
"""With this exponent a chunk has 87 distinct terms of its 120, as abstracts have."""
ROWS_AT_ONCE = 10_000
TABLE = "create table chunks (number integer primary key, document blob, collection blob, vector blob, terms blob)"
WORDS = (
    "which effect does treatment with early dose of protein have on patients when pressure flow around wings rises how "
    "are tokens signed who approves travel costs after return why server queue limit exceeded during nightly backup"
)


def collection(place: int) -> UUID:
    return UUID(int=0xC01 << 96 | place)


def document(place: int) -> UUID:
    return UUID(int=0xD0C << 96 | place)


@dataclass(frozen=True)
class Question:
    """One query: its text (for the embedder and the analyzer), and the terms and vector that are searched for."""

    text: str
    terms: npt.NDArray[np.uint32]
    vector: Vector


class Corpus:
    """`size` chunks in documents of eight, and questions to them."""

    def __init__(self, size: int, *, seed: int = 1) -> None:
        self.size = size
        self._random = np.random.default_rng(seed)
        self._centres = _unit(self._random.standard_normal((CENTRES, DIMENSION), dtype=np.float32))
        self._ids = self._random.permutation(np.arange(1, VOCABULARY + 1, dtype=np.uint32) * np.uint32(10_007))
        self._shares = np.cumsum(1.0 / (np.arange(VOCABULARY) + 5) ** ZIPF)
        self._shares /= self._shares[-1]

    def write(self, path: Path) -> Matrix:
        """Put all chunks into a table of a new SQLite file, and give their vectors."""
        vectors = np.empty((self.size, DIMENSION), dtype=np.float32)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(TABLE)
            for start in range(0, self.size, ROWS_AT_ONCE):
                stop = min(start + ROWS_AT_ONCE, self.size)
                vectors[start:stop] = self._vectors(stop - start)
                connection.executemany("insert into chunks values (?, ?, ?, ?, ?)", self._rows(vectors, start, stop))
            connection.commit()
        return vectors

    def questions(self, count: int) -> list[Question]:
        """Questions of three to eight terms, common and rare, each with a vector near some chunks but on none."""
        return [self._question() for _ in range(count)]

    def _question(self) -> Question:
        places = self._terms(int(self._random.integers(3, 9)))
        places = np.where(places < 30, self._random.integers(30, 3000, len(places)), places)
        vector = self._centres[self._random.integers(CENTRES)] + 0.06 * self._random.standard_normal(DIMENSION)
        text = " ".join(self._random.choice(WORDS.split(), int(self._random.integers(6, 15))))
        return Question(text, np.unique(self._ids[places]), _unit(vector[np.newaxis].astype(np.float32))[0])

    def _rows(self, vectors: Matrix, start: int, stop: int) -> Iterator[tuple[int, bytes, bytes, bytes, bytes]]:
        for place, terms in zip(range(start, stop), self._blobs(stop - start), strict=True):
            owner, within = document(place // CHUNKS_PER_DOCUMENT), collection(place * COLLECTIONS // self.size)
            yield place + 1, owner.bytes, within.bytes, vectors[place].tobytes(), terms

    def _vectors(self, rows: int) -> Matrix:
        near = self._centres[self._random.integers(CENTRES, size=rows)]
        return _unit(near + np.float32(0.05) * self._random.standard_normal((rows, DIMENSION), dtype=np.float32))

    def _blobs(self, rows: int) -> list[bytes]:
        lengths = np.clip(self._random.normal(TERMS_PER_CHUNK, 25, rows), 20, 240).astype(np.int64)
        owners = np.repeat(np.arange(rows, dtype=np.uint64), lengths)
        terms = self._ids[self._terms(len(owners))].astype(np.uint64)
        keys, counts = np.unique(owners << np.uint64(32) | terms, return_counts=True)
        records = np.empty(len(keys), dtype=RECORD)
        records["term"] = keys & np.uint64(0xFFFFFFFF)
        records["frequency"] = np.minimum(counts, 255)
        ends = np.searchsorted(keys >> np.uint64(32), np.arange(rows, dtype=np.uint64), side="right")
        return [part.tobytes() for part in np.split(records, ends[:-1])]

    def _terms(self, count: int) -> npt.NDArray[np.int64]:
        return np.searchsorted(self._shares, self._random.random(count)).clip(0, VOCABULARY - 1)


def stored_batches(path: Path) -> Iterator[ChunkBatch]:
    """The chunks of a file that `Corpus.write` made, as an index loads them."""
    with closing(sqlite3.connect(path)) as connection:
        cursor = connection.execute("select number, document, collection, vector, terms from chunks order by number")
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            numbers, documents, collections, vectors, terms = zip(*rows, strict=True)
            known = {each: UUID(bytes=each) for each in {*documents, *collections}}
            yield ChunkBatch(
                numbers=np.array(numbers, dtype=np.int64),
                document_ids=[known[each] for each in documents],
                collection_ids=[known[each] for each in collections],
                vectors=np.frombuffer(b"".join(vectors), dtype=np.float32).reshape(len(rows), -1),
                terms=terms,
            )


def _unit(rows: Matrix) -> Matrix:
    unit: Matrix = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
