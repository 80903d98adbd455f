"""Keyword search by brute force over plain Python: for tests, and the oracle of the embedded index."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
import numpy.typing as npt

from adapters.keywords.analyzer import RECORD
from application.knowledge.retrieval import AllowedSet, ChunkBatch, Hits, Numbers, Scores
from domain.knowledge.ranking import TermStatistics

Terms = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class _Chunk:
    document_id: UUID
    collection_id: UUID
    frequencies: dict[int, int]

    @property
    def length(self) -> int:
        return sum(self.frequencies.values())


class MemoryKeywordIndex:
    """Keeps nothing between processes: `save` writes nothing and `load` finds nothing. See the port KeywordIndex."""

    def __init__(self) -> None:
        self._chunks: dict[int, _Chunk] = {}

    def __len__(self) -> int:
        return len(self._chunks)

    def put(self, batch: ChunkBatch) -> None:
        columns = zip(batch.numbers, batch.document_ids, batch.collection_ids, batch.terms, strict=True)
        added = {
            int(number): _Chunk(document_id, collection_id, _frequencies(terms))
            for number, document_id, collection_id, terms in columns
        }
        self._chunks = self._chunks | added

    def remove_documents(self, document_ids: Sequence[UUID]) -> None:
        gone = set(document_ids)
        self._chunks = {number: chunk for number, chunk in self._chunks.items() if chunk.document_id not in gone}

    def remove_collection(self, collection_id: UUID) -> None:
        chunks = self._chunks.items()
        self._chunks = {number: chunk for number, chunk in chunks if chunk.collection_id != collection_id}

    def search(self, terms: Terms, *, allowed: AllowedSet, limit: int) -> Hits:
        scored = [(score, number) for number, score in self._scored(terms, allowed) if score > 0]
        scored.sort(key=lambda item: (-item[0], item[1]))
        del scored[max(limit, 0) :]
        return Hits(
            np.array([number for _, number in scored], dtype=np.int64),
            np.array([score for score, _ in scored], dtype=np.float32),
        )

    def scores(self, terms: Terms, numbers: Numbers, *, allowed: AllowedSet) -> Scores:
        scored = dict(self._scored(terms, allowed))
        return np.array([scored.get(int(number), 0.0) for number in numbers], dtype=np.float32)

    def save(self, folder: Path, position: int) -> None:
        """Nothing: it is rebuilt from rows."""

    def load(self, folder: Path, *, latest: int | None = None) -> int | None:  # noqa: ARG002
        """Always None."""
        return None

    def _scored(self, terms: Terms, allowed: AllowedSet) -> Iterator[tuple[int, float]]:
        chunks = {
            number: chunk
            for number, chunk in self._chunks.items()
            if allowed.allows(chunk.collection_id, chunk.document_id)
        }
        lengths = sum(chunk.length for chunk in chunks.values())
        statistics = TermStatistics(len(chunks), lengths / max(len(chunks), 1))
        wanted = [int(term) for term in terms]
        found = {term: sum(term in chunk.frequencies for chunk in chunks.values()) for term in wanted}
        for number, chunk in chunks.items():
            yield (
                number,
                sum(
                    statistics.weight(chunk.frequencies[term], chunk.length, found[term])
                    for term in wanted
                    if term in chunk.frequencies
                ),
            )


def _frequencies(blob: bytes) -> dict[int, int]:
    return {int(term): int(frequency) for term, frequency in np.frombuffer(blob, dtype=RECORD)}
