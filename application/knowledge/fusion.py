"""The hybrid query over both indexes, in numpy. The rule, and its reference, live in `domain.knowledge.ranking`."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from application.knowledge.retrieval import AllowedSet, Hits, KeywordIndex, Numbers, Scores, Vector, VectorIndex
from domain.knowledge.ranking import KEYWORD_DEPTH, KEYWORD_WEIGHT, VECTOR_DEPTH


@dataclass(frozen=True, slots=True)
class Ranking:
    """All candidates of a query, best first, ties by ascending number: columns of equal length.

    `scores` are the fused ones (float64); `cosines` and `keyword_scores` tell where each came from.
    """

    numbers: Numbers
    scores: npt.NDArray[np.float64]
    cosines: Scores
    keyword_scores: Scores

    def __len__(self) -> int:
        return len(self.numbers)


def fuse(numbers: Numbers, cosines: Scores, keyword_scores: Scores) -> Ranking:
    """The array form of `domain.knowledge.ranking.fuse`: three columns (n,) of distinct candidates, in any order."""
    best = float(keyword_scores.max(initial=0.0))
    share = KEYWORD_WEIGHT / best if best > 0 else 0.0
    scores = cosines.astype(np.float64) + share * keyword_scores.astype(np.float64)
    order = np.argsort(-scores)
    ordered = scores[order]
    if bool((ordered[1:] == ordered[:-1]).any()):  # ties are rare, and a sort that minds them takes twice as long
        order = np.lexsort((numbers, -scores))
    return Ranking(numbers[order], scores[order], cosines[order], keyword_scores[order])


def rank(
    terms: npt.NDArray[np.uint32],
    query: Vector,
    *,
    allowed: AllowedSet,
    keywords: KeywordIndex,
    vectors: VectorIndex,
) -> Ranking:
    """Rank the candidates of both indexes, each with both exact scores. CPU-bound: call it in the search executor.

    Raises Unavailable where the vector index does; the caller then ranks by `rank_by_keywords` and says so.
    """
    by_keyword = keywords.search(terms, allowed=allowed, limit=KEYWORD_DEPTH)
    by_vector = vectors.search(query, allowed=allowed, limit=VECTOR_DEPTH)
    numbers, cosines = _union(by_vector, by_keyword.numbers)
    unseen = np.flatnonzero(np.isnan(cosines))
    cosines[unseen] = vectors.scores(query, numbers[unseen])
    return fuse(numbers, cosines, keywords.scores(terms, numbers, allowed=allowed))


def _union(hits: Hits, others: Numbers) -> tuple[Numbers, Scores]:
    """The chunks of both, by ascending number, with the scores of `hits`: NaN for those of `others` alone."""
    numbers = np.concatenate((hits.numbers, others))
    scores = np.concatenate((hits.scores, np.full(len(others), np.nan, dtype=np.float32)))
    order = np.argsort(numbers)
    numbers, scores = numbers[order], scores[order]
    twice = np.flatnonzero(numbers[1:] == numbers[:-1])
    scores[twice] = np.fmax(scores[twice], scores[twice + 1])  # fmax prefers a number to NaN
    once = np.ones(len(numbers), dtype=np.bool_)
    once[twice + 1] = False
    return numbers.compress(once), scores.compress(once)


def rank_by_keywords(terms: npt.NDArray[np.uint32], *, allowed: AllowedSet, keywords: KeywordIndex) -> Ranking:
    """Rank by keywords alone, for when no vector can be had; cosines are then NaN."""
    hits = keywords.search(terms, allowed=allowed, limit=KEYWORD_DEPTH)
    best = float(hits.scores.max(initial=0.0))
    scores = hits.scores.astype(np.float64) * (KEYWORD_WEIGHT / best if best > 0 else 0.0)
    return Ranking(hits.numbers, scores, np.full(len(hits.numbers), np.nan, dtype=np.float32), hits.scores)
