"""Vector search that looks at every vector: for tests and small collections, and the oracle of all other engines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np

from application.knowledge.retrieval import AllowedSet, ChunkBatch, Hits, Numbers, Scores, Vector


@dataclass(frozen=True, slots=True)
class _Chunk:
    document_id: UUID
    collection_id: UUID
    vector: Vector


class MemoryVectorIndex:
    """Keeps nothing between processes: `save` writes nothing and `load` finds nothing. See the port VectorIndex."""

    def __init__(self) -> None:
        self._chunks: dict[int, _Chunk] = {}

    def __len__(self) -> int:
        return len(self._chunks)

    def put(self, batch: ChunkBatch) -> None:
        columns = zip(batch.numbers, batch.document_ids, batch.collection_ids, batch.vectors, strict=True)
        self._chunks = self._chunks | {
            int(number): _Chunk(document_id, collection_id, _finite(vector))
            for number, document_id, collection_id, vector in columns
        }

    def remove_documents(self, document_ids: Sequence[UUID]) -> None:
        gone = set(document_ids)
        self._chunks = {number: chunk for number, chunk in self._chunks.items() if chunk.document_id not in gone}

    def remove_collection(self, collection_id: UUID) -> None:
        chunks = self._chunks.items()
        self._chunks = {number: chunk for number, chunk in chunks if chunk.collection_id != collection_id}

    def search(self, query: Vector, *, allowed: AllowedSet, limit: int) -> Hits:
        chunks = {
            number: chunk
            for number, chunk in self._chunks.items()
            if allowed.allows(chunk.collection_id, chunk.document_id)
        }
        numbers = np.array(list(chunks), dtype=np.int64)
        scores = _scores(chunks, query, numbers)
        order = np.lexsort((numbers, -scores))[: max(limit, 0)]
        return Hits(numbers[order], scores[order])

    def scores(self, query: Vector, numbers: Numbers) -> Scores:
        return _scores(self._chunks, query, numbers)

    def save(self, folder: Path, position: int) -> None:
        """Nothing: it is rebuilt from rows."""

    def load(self, folder: Path, *, latest: int | None = None) -> int | None:  # noqa: ARG002
        """Always None."""
        return None


def _scores(chunks: Mapping[int, _Chunk], query: Vector, numbers: Numbers) -> Scores:
    held = (chunks.get(int(number)) for number in numbers)
    return np.array([-1.0 if chunk is None else np.vecdot(chunk.vector, query) for chunk in held], dtype=np.float32)


def _finite(vector: Vector) -> Vector:
    whole = np.array(vector, dtype=np.float32)
    return whole if np.isfinite(whole).all() else np.zeros_like(whole)
