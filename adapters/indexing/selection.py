"""Choosing the best of many scores without sorting them all."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from application.knowledge.retrieval import Hits, Numbers, Scores

N = TypeVar("N", np.float32, np.uint16)


def contenders(scores: npt.NDArray[N], limit: int, *, above: float, slack: float = 0) -> npt.NDArray[np.intp]:
    """Places of scores above `above`: the best `limit`, and all that tie with the last of them or miss it by `slack`.

    The `limit`-th best maximum of groups is reached by `limit` scores at least and by few more, and maxima over strided
    groups cost one pass.
    """
    if 0 < limit < len(scores):
        least = float(_reached(scores, limit)) - slack
        if least > above:
            places = np.flatnonzero(scores >= scores.dtype.type(least))
            reaching = scores.take(places)
            least = float(_nth_best(reaching, limit)) - slack
            return places.compress(reaching >= scores.dtype.type(least))
    return np.flatnonzero(scores > scores.dtype.type(above))


def _reached(scores: npt.NDArray[N], limit: int) -> N:
    groups = 4 * limit
    rows = len(scores) // groups
    if rows > 1:
        scores = scores[: rows * groups].reshape(rows, groups).max(axis=0)
    return _nth_best(scores, limit)


def _nth_best(scores: npt.NDArray[N], limit: int) -> N:
    place = len(scores) - limit
    found: N = np.partition(scores, place)[place]
    return found


def best(numbers: Numbers, scores: Scores, limit: int) -> Hits:
    """The `limit` best of distinct chunks, best first, ties by ascending number."""
    if 0 < limit < len(scores):
        reaching = np.flatnonzero(scores >= _nth_best(scores, limit))
        numbers, scores = numbers[reaching], scores[reaching]
    if bool((numbers[1:] > numbers[:-1]).all()):
        order = _descending(scores)[: max(limit, 0)]
    else:
        order = np.lexsort((numbers, -scores))[: max(limit, 0)]
    return Hits(numbers[order], scores[order])


def _descending(scores: Scores) -> npt.NDArray[np.int64]:
    """Places by descending score, then ascending: sorted as words of both, a third of the time of a stable sort."""
    bits = (scores + np.float32(0)).view(np.int32)  # adding 0 makes one zero of two
    falling = ~(bits ^ (bits >> 31 & 0x7FFFFFFF))
    keys = falling.astype(np.int64) << 32 | np.arange(len(scores))
    keys.sort()
    return keys & 0xFFFFFFFF
