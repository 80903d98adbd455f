"""Chunks as the retrieval indexes take them, made by hand, and how answers of two indexes are compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
import numpy.typing as npt

from adapters.keywords.analyzer import RECORD
from application.knowledge.retrieval import ChunkBatch, Hits, Vector

DIMENSION = 16
"""Vectors of ±1/4 in 16 dimensions have length 1, and their products are sixteenths: exact in any order of adding."""

Rows = npt.NDArray[np.intp]


def document(place: int) -> UUID:
    return UUID(int=0xD0C << 96 | place)


def collection(place: int) -> UUID:
    return UUID(int=0xC01 << 96 | place)


def signs(bits: int) -> Vector:
    """The unit vector whose components are + where a bit of `bits` is set."""
    return np.array([0.25 if bits >> place & 1 else -0.25 for place in range(DIMENSION)], dtype=np.float32)


def blob(frequencies: Mapping[int, int]) -> bytes:
    return np.array(sorted(frequencies.items()), dtype=RECORD).tobytes()


@dataclass(frozen=True)
class Chunk:
    number: int
    document: int = 0
    collection: int = 0
    terms: Mapping[int, int] = field(default_factory=dict)
    bits: int = 0


def batch(chunks: Sequence[Chunk]) -> ChunkBatch:
    return ChunkBatch(
        numbers=np.array([chunk.number for chunk in chunks], dtype=np.int64),
        document_ids=[document(chunk.document) for chunk in chunks],
        collection_ids=[collection(chunk.collection) for chunk in chunks],
        vectors=np.array([signs(chunk.bits) for chunk in chunks], dtype=np.float32).reshape(-1, DIMENSION),
        terms=[blob(chunk.terms) for chunk in chunks],
    )


def many(size: int, *, seed: int = 7, collections: int = 5, clustered: bool = False) -> list[Chunk]:
    """Random chunks of about twenty terms, four to a document; collections lie together where `clustered`."""
    random = np.random.default_rng(seed)
    chunks = []
    for place in range(size):
        terms = np.minimum(random.zipf(1.3, 25), 400)
        distinct, frequencies = np.unique(terms, return_counts=True)
        chunks.append(
            Chunk(
                number=place + 1,
                document=place // 4,
                collection=place * collections // size if clustered else int(random.integers(collections)),
                terms=dict(zip(distinct.tolist(), frequencies.tolist(), strict=True)),
                bits=int(random.integers(1 << DIMENSION)),
            )
        )
    return chunks


def assert_same(given: Hits, expected: Hits) -> None:
    """The same chunks with the same scores, in the same order but for scores that only rounding tells apart."""
    assert len(given.numbers) == len(expected.numbers)
    np.testing.assert_allclose(given.scores, expected.scores, rtol=2e-5, atol=1e-6)
    assert given.numbers.dtype == np.int64
    assert given.scores.dtype == np.float32
    assert _canonical(given) == _canonical(expected)


def _canonical(hits: Hits) -> list[list[int]]:
    """Numbers in groups of nearly equal scores; the last group may have been cut anywhere, so it is left out."""
    groups: list[list[int]] = []
    last = np.inf
    for number, score in zip(hits.numbers.tolist(), hits.scores.tolist(), strict=True):
        if last - score > 1e-4 * max(1.0, score):
            groups.append([])
        groups[-1].append(number)
        last = score
    return [sorted(group) for group in groups[:-1]]
