"""Choosing the best of many scores without sorting them all."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from application.knowledge.retrieval import Hits, Numbers, Scores

N = TypeVar("N", np.float32, np.uint16)


def contenders(scores: npt.NDArray[N], limit: int, *, above: float, slack: float = 0) -> npt.NDArray[np.intp]:
    """Places of scores above `above` that include the best `limit` and all that tie with them or miss by `slack`.

    Few more are given: the `limit`-th best maximum of groups is reached by `limit` scores at least, and maxima over
    strided groups cost one pass.
    """
    if 0 < limit < len(scores):
        floor = float(_floor(scores, limit)) - slack
        if floor > above:
            return np.flatnonzero(scores >= scores.dtype.type(floor))
    return np.flatnonzero(scores > scores.dtype.type(above))


def _floor(scores: npt.NDArray[N], limit: int) -> N:
    groups = 4 * limit
    rows = len(scores) // groups
    if rows > 1:
        scores = scores[: rows * groups].reshape(rows, groups).max(axis=0)
    place = len(scores) - limit
    floor: N = np.partition(scores, place)[place]
    return floor


def best(numbers: Numbers, scores: Scores, limit: int) -> Hits:
    """The `limit` best of distinct chunks, best first, ties by ascending number."""
    if 0 < limit < len(scores):
        place = len(scores) - limit
        reaching = np.flatnonzero(scores >= np.partition(scores, place)[place])
        numbers, scores = numbers[reaching], scores[reaching]
    order = np.lexsort((numbers, -scores))[: max(limit, 0)]
    return Hits(numbers[order], scores[order])
