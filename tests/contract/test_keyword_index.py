"""What every keyword index promises. The memory index follows the rule in plain Python and is the oracle."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.keywords.bm25.index import Bm25Index
from adapters.keywords.memory import MemoryKeywordIndex
from application.knowledge.retrieval import AllowedSet, KeywordIndex
from tests.chunk_batches import Chunk, assert_same, batch, collection, document, many

EVERYTHING = AllowedSet(None)


def embedded() -> Bm25Index:
    """With so low limits that a few chunks already make it merge in the background and move chunks together."""
    return Bm25Index("test-1", merged_at_once=40, dead_at_least=4)


@pytest.fixture(params=[MemoryKeywordIndex, embedded], ids=["memory", "embedded"])
def index(request: pytest.FixtureRequest) -> KeywordIndex:
    made: KeywordIndex = request.param()
    return made


def change(index: KeywordIndex, kind: str, value: Any) -> None:
    if kind == "put":
        index.put(batch(value))
    elif kind == "documents":
        index.remove_documents([document(each) for each in value])
    elif kind == "collection":
        index.remove_collection(collection(value))


def terms(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.uint32)


def test_an_empty_index_finds_nothing(index: KeywordIndex) -> None:
    assert len(index) == 0
    assert len(index.search(terms(1, 2), allowed=EVERYTHING, limit=10).numbers) == 0
    assert index.scores(terms(1), np.array([5]), allowed=EVERYTHING).tolist() == [0]


def test_scores_are_those_of_bm25(index: KeywordIndex) -> None:
    index.put(batch([Chunk(1, terms={7: 2, 8: 1}), Chunk(2, terms={7: 1}), Chunk(3, terms={9: 4})]))
    hits = index.search(terms(7), allowed=EVERYTHING, limit=10)
    mean = (3 + 1 + 4) / 3
    rarity = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    first = rarity * 2 / (2 + 1.2 * (0.25 + 0.75 * 3 / mean))
    second = rarity * 1 / (1 + 1.2 * (0.25 + 0.75 * 1 / mean))
    expected = sorted([(first, 1), (second, 2)], reverse=True)
    assert hits.numbers.tolist() == [number for _, number in expected]
    assert hits.scores.tolist() == pytest.approx([score for score, _ in expected], rel=1e-5)


def test_equal_scores_come_by_ascending_number(index: KeywordIndex) -> None:
    index.put(batch([Chunk(number, terms={1: 1}) for number in (9, 4, 7, 2)]))
    assert index.search(terms(1), allowed=EVERYTHING, limit=3).numbers.tolist() == [2, 4, 7]


def test_a_number_that_is_put_again_is_replaced(index: KeywordIndex) -> None:
    index.put(batch([Chunk(1, document=1, terms={1: 1}), Chunk(2, terms={3: 1})]))
    index.put(batch([Chunk(1, document=2, terms={2: 1})]))
    assert len(index) == 2
    assert index.search(terms(1), allowed=EVERYTHING, limit=9).numbers.tolist() == []
    assert index.search(terms(2), allowed=EVERYTHING, limit=9).numbers.tolist() == [1]
    index.remove_documents([document(1)])
    assert len(index) == 2
    index.remove_documents([document(2)])
    assert len(index) == 1


def test_hidden_chunks_move_no_number(index: KeywordIndex) -> None:
    mine = [Chunk(number, collection=1, terms={1: number % 3 + 1, 2: 1}) for number in range(1, 9)]
    index.put(batch(mine))
    allowed = AllowedSet(frozenset({collection(1)}))
    alone = index.search(terms(1, 2, 3), allowed=allowed, limit=9)
    index.put(batch([Chunk(number, document=5, collection=2, terms={1: 9, 3: 5}) for number in range(20, 60)]))
    among_others = index.search(terms(1, 2, 3), allowed=allowed, limit=9)
    assert among_others.numbers.tolist() == alone.numbers.tolist()
    assert among_others.scores.tolist() == alone.scores.tolist()


def test_sets_that_allow_nothing_find_nothing(index: KeywordIndex) -> None:
    index.put(batch([Chunk(1, terms={1: 1})]))
    for allowed in (
        AllowedSet(frozenset()),
        AllowedSet(frozenset({collection(77)})),
        AllowedSet(None, frozenset()),
        AllowedSet(frozenset({collection(0)}), frozenset({document(9)})),
    ):
        assert len(index.search(terms(1), allowed=allowed, limit=5).numbers) == 0


def test_documents_narrow_the_collections(index: KeywordIndex) -> None:
    index.put(batch([Chunk(number, document=number, collection=number % 2, terms={1: 1}) for number in range(1, 7)]))
    allowed = AllowedSet(frozenset({collection(1)}), frozenset({document(1), document(2), document(5)}))
    assert index.search(terms(1), allowed=allowed, limit=9).numbers.tolist() == [1, 5]


def test_unknown_documents_and_collections_are_passed_over(index: KeywordIndex) -> None:
    index.put(batch([Chunk(1, terms={1: 1})]))
    index.put(batch([]))
    index.remove_documents([document(5)])
    index.remove_documents([])
    index.remove_collection(collection(5))
    assert len(index) == 1


chunks = st.builds(
    Chunk,
    number=st.integers(1, 40),
    document=st.integers(0, 6),
    collection=st.integers(0, 3),
    terms=st.dictionaries(st.integers(1, 8), st.integers(1, 255), max_size=5),
)
changes = st.one_of(
    st.tuples(st.just("put"), st.lists(chunks, max_size=8, unique_by=lambda chunk: chunk.number)),
    st.tuples(st.just("documents"), st.lists(st.integers(0, 6), max_size=2)),
    st.tuples(st.just("collection"), st.integers(0, 3)),
    st.tuples(st.just("save"), st.booleans()),
)
History = list[tuple[str, Any]]
allowed_sets = st.builds(
    AllowedSet,
    st.none() | st.frozensets(st.integers(0, 3).map(collection)),
    st.none() | st.frozensets(st.integers(0, 6).map(document)),
)


@given(
    history=st.lists(changes, max_size=14),
    wanted=st.lists(st.integers(1, 9), max_size=5, unique=True),
    allowed=allowed_sets,
    limit=st.integers(0, 12),
)
@settings(max_examples=150, deadline=None)
def test_any_history_gives_the_answers_of_the_oracle(
    tmp_path_factory: pytest.TempPathFactory, history: History, wanted: list[int], allowed: AllowedSet, limit: int
) -> None:
    subject, oracle = embedded(), MemoryKeywordIndex()
    folder = tmp_path_factory.mktemp("snapshots")
    query, numbers = terms(*wanted), np.arange(45)

    def assert_equal() -> None:
        assert len(subject) == len(oracle)
        expected = oracle.search(query, allowed=allowed, limit=limit)
        assert_same(subject.search(query, allowed=allowed, limit=limit), expected)
        scores = oracle.scores(query, numbers, allowed=allowed)
        np.testing.assert_allclose(subject.scores(query, numbers, allowed=allowed), scores, rtol=2e-5)

    for position, (kind, value) in enumerate(history):
        change(subject, kind, value)
        change(oracle, kind, value)
        if kind == "save":
            subject.save(folder, position)
        if kind == "save" and value:
            subject = embedded()
            assert subject.load(folder) == position
        assert_equal()
    subject.settle()
    assert_equal()


@pytest.mark.parametrize("clustered", [False, True], ids=["mixed", "clustered"])
@pytest.mark.parametrize("removed", [0, 10, 900], ids=["whole", "few dead", "many dead"])
def test_wide_and_narrow_sets_give_the_answers_of_the_oracle(clustered: bool, removed: int) -> None:
    subject, oracle = Bm25Index("test-1"), MemoryKeywordIndex()
    held = many(2400, clustered=clustered)
    for start in range(0, len(held), 100):
        for index in (subject, oracle):
            index.put(batch(held[start : start + 100]))
    gone = [document(each) for each in range(0, removed * 3 // 5, 3)]
    for index in (subject, oracle):
        index.remove_documents(gone)
    for allowed in (
        EVERYTHING,
        AllowedSet(frozenset({collection(2)})),
        AllowedSet(frozenset({collection(0), collection(3)})),
        AllowedSet(frozenset(map(collection, range(4))), frozenset(map(document, range(1, 500, 2)))),
        AllowedSet(None, frozenset(map(document, range(3, 600)))),
    ):
        for wanted in (terms(1, 2, 3), terms(1, 40, 399), terms(150)):
            for limit in (1, 10, 200, 5000):
                expected = oracle.search(wanted, allowed=allowed, limit=limit)
                assert_same(subject.search(wanted, allowed=allowed, limit=limit), expected)
