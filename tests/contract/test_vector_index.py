"""What every vector index promises. The memory index looks at each vector in turn and is the oracle."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.vectors.embedded.index import EmbeddedVectorIndex
from adapters.vectors.memory import MemoryVectorIndex
from application.knowledge.retrieval import AllowedSet, ChunkBatch, VectorIndex
from tests.chunk_batches import DIMENSION, Chunk, assert_same, batch, collection, document, many, signs

EVERYTHING = AllowedSet(None)


def embedded(**limits: int) -> EmbeddedVectorIndex:
    return EmbeddedVectorIndex("test-model", DIMENSION, **limits)


@pytest.fixture(params=[MemoryVectorIndex, embedded], ids=["memory", "embedded"])
def index(request: pytest.FixtureRequest) -> VectorIndex:
    made: VectorIndex = request.param()
    return made


def change(index: VectorIndex, kind: str, value: Any) -> None:
    if kind == "put":
        index.put(batch(value))
    elif kind == "documents":
        index.remove_documents([document(each) for each in value])
    elif kind == "collection":
        index.remove_collection(collection(value))


def test_an_empty_index_finds_nothing(index: VectorIndex) -> None:
    assert len(index) == 0
    assert len(index.search(signs(1), allowed=EVERYTHING, limit=10).numbers) == 0
    assert index.scores(signs(1), np.array([5])).tolist() == [-1]


def test_the_nearest_come_first_with_their_cosine(index: VectorIndex) -> None:
    index.put(batch([Chunk(1, bits=0b1111), Chunk(2, bits=0b0111), Chunk(3, bits=0xFFFF), Chunk(4, bits=0b1111)]))
    hits = index.search(signs(0b1111), allowed=EVERYTHING, limit=3)
    assert hits.numbers.tolist() == [1, 4, 2]
    assert hits.scores.tolist() == [1.0, 1.0, 0.875]
    assert index.scores(signs(0b1111), np.array([3, 99, 2])).tolist() == [-0.5, -1.0, 0.875]


def test_a_number_that_is_put_again_is_replaced(index: VectorIndex) -> None:
    index.put(batch([Chunk(1, document=1, bits=0), Chunk(2, bits=1)]))
    index.put(batch([Chunk(1, document=2, bits=0xFFFF)]))
    assert len(index) == 2
    assert index.scores(signs(0), np.array([1])).tolist() == [-1.0]
    index.remove_documents([document(1)])
    assert len(index) == 2
    index.remove_documents([document(2)])
    assert len(index) == 1


def test_sets_that_allow_nothing_find_nothing(index: VectorIndex) -> None:
    index.put(batch([Chunk(1)]))
    for allowed in (
        AllowedSet(frozenset()),
        AllowedSet(frozenset({collection(77)})),
        AllowedSet(None, frozenset()),
        AllowedSet(frozenset({collection(0)}), frozenset({document(9)})),
    ):
        assert len(index.search(signs(0), allowed=allowed, limit=5).numbers) == 0


def test_documents_narrow_the_collections(index: VectorIndex) -> None:
    index.put(batch([Chunk(number, document=number, collection=number % 2) for number in range(1, 7)]))
    allowed = AllowedSet(frozenset({collection(1)}), frozenset({document(1), document(2), document(5)}))
    assert index.search(signs(0), allowed=allowed, limit=9).numbers.tolist() == [1, 5]


def test_unknown_documents_and_collections_are_passed_over(index: VectorIndex) -> None:
    index.put(batch([Chunk(1)]))
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
    bits=st.integers(0, 0xFFFF),
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
    history=st.lists(changes, max_size=14), bits=st.integers(0, 0xFFFF), allowed=allowed_sets, limit=st.integers(0, 12)
)
@settings(max_examples=150, deadline=None)
def test_any_history_gives_the_answers_of_the_oracle(
    tmp_path_factory: pytest.TempPathFactory, history: History, bits: int, allowed: AllowedSet, limit: int
) -> None:
    subject, oracle = embedded(dead_at_least=4), MemoryVectorIndex()
    folder = tmp_path_factory.mktemp("snapshots")
    for position, (kind, value) in enumerate(history):
        change(subject, kind, value)
        change(oracle, kind, value)
        if kind == "save":
            subject.save(folder, position)
        if kind == "save" and value:
            subject = embedded(dead_at_least=4)
            assert subject.load(folder) == position
        assert len(subject) == len(oracle)
        found = subject.search(signs(bits), allowed=allowed, limit=limit)
        expected = oracle.search(signs(bits), allowed=allowed, limit=limit)
        assert found.numbers.tolist() == expected.numbers.tolist()
        assert found.scores.tolist() == expected.scores.tolist()
        numbers = np.arange(45)
        assert subject.scores(signs(bits), numbers).tolist() == oracle.scores(signs(bits), numbers).tolist()


def clusters(size: int, dimension: int, *, seed: int = 3) -> np.ndarray:
    """Unit vectors around a hundred centres, the same for every seed."""
    centres = np.random.default_rng(1).standard_normal((100, dimension))
    random = np.random.default_rng(seed)
    rows = centres[random.integers(100, size=size)] + 0.7 * random.standard_normal((size, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def scattered(size: int, dimension: int) -> np.ndarray:
    """Unit vectors in all directions."""
    rows = np.random.default_rng(5).standard_normal((size, dimension)).astype(np.float32)
    unit: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def wide_batch(vectors: np.ndarray) -> ChunkBatch:
    """Collections 0 to 3 in turn; every 40th chunk is in collection 9."""
    places = range(len(vectors))
    return ChunkBatch(
        numbers=np.arange(len(vectors), dtype=np.int64),
        document_ids=[document(place // 4) for place in places],
        collection_ids=[collection(9 if place % 40 == 0 else place % 4) for place in places],
        vectors=vectors,
        terms=[b""] * len(vectors),
    )


WIDE_SETS = [
    EVERYTHING,
    AllowedSet(frozenset({collection(0), collection(1), collection(2), collection(3)})),
    AllowedSet(frozenset({collection(9)})),
    AllowedSet(None, frozenset(map(document, range(1, 7000, 2)))),
]


@pytest.mark.parametrize("allowed", WIDE_SETS, ids=["everything", "most", "one in forty", "half the documents"])
def test_sign_codes_find_what_is_near(allowed: AllowedSet) -> None:
    vectors = clusters(30_000, 96)
    subject = EmbeddedVectorIndex("test-model", 96, exact_below=1000, kept=1500)
    exact = EmbeddedVectorIndex("test-model", 96)
    for index in (subject, exact):
        index.put(wide_batch(vectors))
    subject.settle()
    assert subject.scans_codes(allowed)
    found = 0
    for query in clusters(50, 96, seed=4):
        best = exact.search(query, allowed=allowed, limit=10)
        hits = subject.search(query, allowed=allowed, limit=10)
        found += len(set(hits.numbers.tolist()) & set(best.numbers.tolist()))
        held = np.isin(hits.numbers, best.numbers)
        assert set(hits.scores[held].tolist()) <= set(best.scores.tolist())
    assert found >= 0.99 * 500


@pytest.mark.parametrize("same_signs", [True, False])
def test_vectors_whose_signs_say_little_are_scanned_exactly(same_signs: bool) -> None:
    vectors = scattered(30_000, 64)
    vectors = np.abs(vectors) if same_signs else vectors
    subject = EmbeddedVectorIndex("test-model", 64, exact_below=1000, kept=100)
    subject.put(wide_batch(vectors))
    subject.settle()
    assert same_signs or not subject.scans_codes(EVERYTHING)
    assert_exact(subject, vectors[:20])


def test_questions_unlike_anything_held_end_the_scanning_of_codes() -> None:
    subject = EmbeddedVectorIndex("test-model", 96, exact_below=1000, kept=250)
    subject.put(wide_batch(clusters(30_000, 96)))
    subject.settle()
    assert subject.scans_codes(EVERYTHING)
    strange = scattered(60, 96)
    for query in strange[:40]:
        subject.search(query, allowed=EVERYTHING, limit=10)
    subject.settle()
    assert not subject.scans_codes(EVERYTHING)
    assert_exact(subject, strange[40:])


def assert_exact(subject: EmbeddedVectorIndex, queries: np.ndarray) -> None:
    """That a search finds the best by looking at every vector."""
    numbers = np.arange(len(subject))
    for query in queries:
        scores = subject.scores(query, numbers)
        hits = subject.search(query, allowed=EVERYTHING, limit=10)
        assert hits.numbers.tolist() == np.lexsort((numbers, -scores))[:10].tolist()


def test_a_wide_scan_tells_vectors_apart_that_differ_by_rounding_only() -> None:
    near = clusters(1, 96) + 3e-7 * scattered(25_000, 96)
    subject = EmbeddedVectorIndex("test-model", 96)
    subject.put(wide_batch(near.astype(np.float32)))
    assert_exact(subject, clusters(20, 96, seed=8))


def test_rows_of_another_dimension_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        embedded().put(wide_batch(clusters(3, 8)))


def test_a_vector_that_is_not_finite_disturbs_no_order(index: VectorIndex) -> None:
    broken = batch([Chunk(1), Chunk(2), Chunk(3)])
    broken.vectors[1] = np.nan
    index.put(broken)
    assert index.search(signs(0), allowed=EVERYTHING, limit=3).numbers.tolist() == [1, 3, 2]


def test_the_score_of_a_chunk_does_not_depend_on_where_it_lies(tmp_path: Any) -> None:
    held = many(300)
    subject = embedded()
    subject.put(batch(held[:170]))
    subject.save(tmp_path, 1)
    subject.put(batch(held[170:]))
    again = embedded()
    again.put(batch(held[::-1]))
    query = np.linspace(-1, 1, DIMENSION, dtype=np.float32)
    for limit in (5, 300):
        given_hits, expected = (each.search(query, allowed=EVERYTHING, limit=limit) for each in (subject, again))
        assert given_hits.scores.tobytes() == expected.scores.tobytes()
        assert_same(given_hits, expected)
