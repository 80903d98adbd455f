"""Ports of the retrieval core: analysing, embedding and the two indexes. Chunks are named by their row number here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AllowedSet:
    """What a search may look at, and nothing else may influence any number of its answer.

    `collections` None means every collection (administrators); `documents` narrows further where a filter is set.
    Hashable, so that indexes cache masks by it. Empty sets allow nothing.
    """

    collections: frozenset[UUID] | None
    documents: frozenset[UUID] | None = None

    def allows(self, collection_id: UUID, document_id: UUID) -> bool:
        """Whether chunks of this document in this collection are in the set."""
        in_collection = self.collections is None or collection_id in self.collections
        return in_collection and (self.documents is None or document_id in self.documents)


@dataclass(frozen=True, slots=True)
class Hits:
    """Chunk numbers with their scores, best first, ties by ascending number."""

    numbers: Numbers
    scores: Scores


@dataclass(frozen=True, slots=True)
class ChunkBatch:
    """Columns of n chunks: numbers (n,), one document and collection id each, vectors (n, dimension), term blobs."""

    numbers: Numbers
    document_ids: Sequence[UUID]
    collection_ids: Sequence[UUID]
    vectors: Matrix
    terms: Sequence[bytes]


class Analyzer(Protocol):
    """Turns text into terms. The same text and `version` give the same bytes on every machine."""

    version: str

    def blob(self, title: str, text: str) -> bytes:
        """The stored terms of one chunk, title counted twice: per distinct stem its crc32 and its frequency, sorted."""

    def query(self, text: str) -> npt.NDArray[np.uint32]:
        """The crc32 of each distinct stem of a query."""


class Embedder(Protocol):
    """Turns text into unit vectors. Raises Unavailable when the model cannot be reached or is not intact."""

    name: str
    dimension: int

    async def documents(self, texts: Sequence[str]) -> Matrix:
        """Vectors (n, dimension) float32, normalised, in the order of `texts`; sorts by length and batches inside."""

    async def query(self, text: str) -> Vector:
        """One vector (dimension,) float32, normalised; an LRU remembers recent ones."""


class Tokenizer(Protocol):
    """The embedding model's own cut of a text; chunks are measured with it."""

    max_tokens: int
    """Tokens that the model takes in one text, its special tokens included."""

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Character span (start, end) of every token of `text`, in order, without special tokens."""


class ChunkIndex(Protocol):
    """What both indexes have in common. They are caches of rows: rebuilt at will, caught up by the journal."""

    def put(self, batch: ChunkBatch) -> None:
        """Add chunks; a number that is there already is replaced. Seen by every search that begins afterwards."""

    def remove_documents(self, document_ids: Sequence[UUID]) -> None:
        """Forget all chunks of these documents; unknown ones are passed over."""

    def remove_collection(self, collection_id: UUID) -> None:
        """Forget all chunks of a collection."""

    def save(self, folder: Path, position: int) -> None:
        """Publish a snapshot as of the journal's `position`; other processes may map it. Whole or not at all."""

    def load(self, folder: Path, *, latest: int | None = None) -> int | None:
        """Map the newest intact snapshot and give its position; None where there is none that fits this version.

        One beyond `latest`, the journal's end, is of another history (of before a restore): it is withdrawn, since it
        would fit by chance once the journal has grown, and nothing is loaded.
        """

    def __len__(self) -> int:
        """Live chunks."""


class KeywordIndex(ChunkIndex, Protocol):
    """BM25 over the terms of chunks. Statistics (N, df, mean length) are those of the allowed chunks only."""

    def search(self, terms: npt.NDArray[np.uint32], *, allowed: AllowedSet, limit: int) -> Hits:
        """The best `limit` chunks with a score above 0. CPU-bound: call it in the search executor."""

    def scores(self, terms: npt.NDArray[np.uint32], numbers: Numbers, *, allowed: AllowedSet) -> Scores:
        """The exact score of each of `numbers` (all of them allowed), 0 where no term occurs.

        Fast right after `search` for the same terms and set in the same thread.
        """


class VectorIndex(ChunkIndex, Protocol):
    """Nearest chunks by cosine."""

    def search(self, query: Vector, *, allowed: AllowedSet, limit: int) -> Hits:
        """The nearest `limit` chunks among `allowed` and no others; at least .99 of the true best ten, for every set.

        A vector that is not finite counts as one of zeros.
        In-process engines are CPU-bound (call them in the search executor). Remote ones raise Unavailable within 2 s;
        the caller then answers by keywords and says so.
        """

    def scores(self, query: Vector, numbers: Numbers) -> Scores:
        """The exact cosine of each of `numbers`; -1 for one that is not there."""
