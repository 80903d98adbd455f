"""The ranking rule, and that its array form over real indexes gives what the rule says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.keywords.memory import MemoryKeywordIndex
from adapters.vectors.memory import MemoryVectorIndex
from application.knowledge.fusion import fuse, rank, rank_by_keywords
from application.knowledge.retrieval import AllowedSet
from domain.knowledge import ranking
from tests.chunk_batches import batch, collection, many, signs

EVERYTHING = AllowedSet(None)


def test_the_best_keyword_score_counts_less_than_half_a_cosine() -> None:
    fused = ranking.fuse({1: 0.5, 2: 0.9, 3: 0.2}, {1: 8.0, 2: 0.0, 3: 4.0})
    assert fused == [(1, 0.5 + 0.45), (2, 0.9), (3, 0.2 + 0.225)]


def test_without_keyword_scores_the_cosine_decides_and_ties_go_by_number() -> None:
    assert ranking.fuse({5: 0.3, 2: 0.3, 9: 0.4}, {5: 0.0, 2: 0.0, 9: 0.0}) == [(9, 0.4), (2, 0.3), (5, 0.3)]
    assert ranking.fuse({}, {}) == []


halves = st.floats(-1, 1, width=16) | st.sampled_from([-1.0, 0.0, 0.5])
scores = st.floats(0, 60, width=16) | st.sampled_from([0.0, 1.0])


@given(st.dictionaries(st.integers(0, 1 << 40), st.tuples(halves, scores), max_size=60))
def test_the_array_form_equals_the_rule(candidates: dict[int, tuple[float, float]]) -> None:
    numbers = np.array(list(candidates), dtype=np.int64)
    cosines = np.array([cosine for cosine, _ in candidates.values()], dtype=np.float32)
    keyword_scores = np.array([score for _, score in candidates.values()], dtype=np.float32)
    given_ranking = fuse(numbers, cosines, keyword_scores)
    expected = ranking.fuse(
        dict(zip(numbers.tolist(), cosines.tolist(), strict=True)),
        dict(zip(numbers.tolist(), keyword_scores.tolist(), strict=True)),
    )
    assert list(zip(given_ranking.numbers.tolist(), given_ranking.scores.tolist(), strict=True)) == expected
    by_number = {number: candidates[number] for number in given_ranking.numbers.tolist()}
    assert given_ranking.cosines.tolist() == [cosine for cosine, _ in by_number.values()]
    assert given_ranking.keyword_scores.tolist() == [score for _, score in by_number.values()]


@pytest.fixture
def indexes() -> tuple[MemoryKeywordIndex, MemoryVectorIndex]:
    keywords, vectors = MemoryKeywordIndex(), MemoryVectorIndex()
    for index in (keywords, vectors):
        index.put(batch(many(120)))
    return keywords, vectors


@pytest.mark.parametrize("allowed", [EVERYTHING, AllowedSet(frozenset({collection(1), collection(4)}))])
def test_a_ranking_has_both_exact_scores_of_every_candidate(
    indexes: tuple[MemoryKeywordIndex, MemoryVectorIndex], allowed: AllowedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.knowledge.fusion.VECTOR_DEPTH", 9)
    monkeypatch.setattr("application.knowledge.fusion.KEYWORD_DEPTH", 9)
    keywords, vectors = indexes
    terms, query = np.array([1, 2, 300], dtype=np.uint32), signs(0b1010101)
    found = rank(terms, query, allowed=allowed, keywords=keywords, vectors=vectors)
    assert 9 <= len(found) <= 18
    assert found.cosines.tolist() == vectors.scores(query, found.numbers).tolist()
    assert found.keyword_scores.tolist() == keywords.scores(terms, found.numbers, allowed=allowed).tolist()
    expected = ranking.fuse(
        dict(zip(found.numbers.tolist(), found.cosines.tolist(), strict=True)),
        dict(zip(found.numbers.tolist(), found.keyword_scores.tolist(), strict=True)),
    )
    assert list(zip(found.numbers.tolist(), found.scores.tolist(), strict=True)) == expected


def test_keywords_alone_keep_their_order(indexes: tuple[MemoryKeywordIndex, MemoryVectorIndex]) -> None:
    keywords, _ = indexes
    terms = np.array([1, 2], dtype=np.uint32)
    hits = keywords.search(terms, allowed=EVERYTHING, limit=1000)
    found = rank_by_keywords(terms, allowed=EVERYTHING, keywords=keywords)
    assert found.numbers.tolist() == hits.numbers.tolist()
    assert found.scores[0] == pytest.approx(ranking.KEYWORD_WEIGHT)
    assert np.isnan(found.cosines).all()
    nothing = rank_by_keywords(np.empty(0, dtype=np.uint32), allowed=EVERYTHING, keywords=keywords)
    assert len(nothing) == 0
