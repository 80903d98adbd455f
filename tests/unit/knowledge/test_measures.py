"""Measures of a ranking, against values worked out by hand."""

import math

import pytest

from domain.knowledge.evaluation import mean, ndcg, recall, reciprocal_rank

GAINS = {"a": 2, "b": 1, "c": 0, "d": -1}


def test_a_perfect_ranking_has_full_marks() -> None:
    assert ndcg(["a", "b", "x"], GAINS, 10) == 1.0
    assert recall(["b", "a"], GAINS, 10) == 1.0
    assert reciprocal_rank(["b", "a"], GAINS, 10) == 1.0


def test_later_places_count_less() -> None:
    ideal = 2 + 1 / math.log2(3)
    assert ndcg(["x", "b", "a"], GAINS, 10) == pytest.approx((1 / math.log2(3) + 2 / math.log2(4)) / ideal)
    assert reciprocal_rank(["x", "b", "a"], GAINS, 10) == 0.5


def test_depth_cuts_both_the_ranking_and_the_ideal() -> None:
    assert ndcg(["b", "a"], GAINS, 1) == 0.5
    assert recall(["x", "a", "b"], GAINS, 2) == 0.5
    assert reciprocal_rank(["x", "a"], GAINS, 1) == 0.0


def test_a_repeated_document_counts_once() -> None:
    assert ndcg(["b", "b", "a"], GAINS, 10) == ndcg(["b", "a"], GAINS, 10)
    assert recall(["b", "b", "a"], GAINS, 2) == 1.0


@pytest.mark.parametrize("judgements", [{}, {"a": 0}, {"a": -1}])
def test_without_anything_relevant_nothing_is_won(judgements: dict[str, int]) -> None:
    assert ndcg(["a"], judgements, 10) == recall(["a"], judgements, 10) == reciprocal_rank(["a"], judgements, 10) == 0


def test_the_mean_of_nothing_is_nothing() -> None:
    assert mean([]) == 0.0
    assert mean([0.5, 1.0]) == 0.75
