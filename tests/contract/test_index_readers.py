"""Readers beside the writer see whole states: a put is there with all its chunks, or not yet."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from adapters.keywords.bm25.index import Bm25Index
from adapters.keywords.memory import MemoryKeywordIndex
from adapters.vectors.embedded.index import EmbeddedVectorIndex
from adapters.vectors.memory import MemoryVectorIndex
from application.knowledge.retrieval import AllowedSet, Hits, KeywordIndex, VectorIndex
from tests.chunk_batches import DIMENSION, Chunk, batch, collection, document, many, signs

WATCHED = 60
MINE = AllowedSet(frozenset({collection(50)}))
Searching = Callable[[], tuple[Hits, np.ndarray]]


def states(round_: int) -> list[Chunk]:
    """The watched chunks, all alike: so any answer in which they differ mixes two states."""
    terms = {1: round_ % 5 + 1, 2: 3 - round_ % 3}
    return [Chunk(number, 900, 50, terms, bits=round_ % 7) for number in range(10_000, 10_000 + WATCHED)]


def by_keywords(index: KeywordIndex) -> Searching:
    def search() -> tuple[Hits, np.ndarray]:
        terms = np.array([1, 2], dtype=np.uint32)
        hits = index.search(terms, allowed=MINE, limit=200)
        return hits, index.scores(terms, hits.numbers, allowed=MINE)

    return search


def by_vectors(index: VectorIndex) -> Searching:
    def search() -> tuple[Hits, np.ndarray]:
        hits = index.search(signs(0), allowed=MINE, limit=200)
        return hits, index.scores(signs(0), hits.numbers)

    return search


@pytest.fixture(params=["memory keywords", "embedded keywords", "memory vectors", "embedded vectors"])
def pair(request: pytest.FixtureRequest) -> tuple[KeywordIndex | VectorIndex, Searching]:
    kind: str = request.param
    if kind.endswith("keywords"):
        keywords = (
            MemoryKeywordIndex() if kind.startswith("memory") else Bm25Index("t", merged_at_once=500, dead_at_least=40)
        )
        return keywords, by_keywords(keywords)
    limits = {"exact_below": 200, "kept": 100, "dead_at_least": 40}
    vectors = MemoryVectorIndex() if kind.startswith("memory") else EmbeddedVectorIndex("t", DIMENSION, **limits)
    return vectors, by_vectors(vectors)


def test_no_answer_mixes_two_states(pair: tuple[KeywordIndex | VectorIndex, Searching], tmp_path: Path) -> None:
    index, search = pair
    index.put(batch(states(0)))
    writing, wrong, answers = threading.Event(), [], [0]

    def read() -> None:
        while not writing.is_set():
            hits, again = search()
            answers[0] += 1
            if len(hits.numbers) != WATCHED or len(set(hits.scores.tolist())) != 1 or len(set(again.tolist())) != 1:
                wrong.append((hits, again))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    others = many(400)
    for round_ in range(1, 60):
        start = round_ * 37 % 360
        index.put(batch(others[start : start + 40]))
        index.put(batch(states(round_)))
        index.remove_documents([document(each) for each in range(round_ % 50, 100, 5)])
        if round_ % 20 == 0:
            index.save(tmp_path, round_)
    writing.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert answers[0] > 10
