"""Do sign codes find what an exact scan finds? It depends on the model, so it is measured on vectors of the index and
on questions that were asked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
import numpy.typing as npt

from adapters.indexing.allowed import NARROW
from adapters.vectors.embedded.searching import ROUNDING, EmbeddedView
from application.knowledge.retrieval import AllowedSet, Matrix, Scores, Vector

SAMPLES = 24
TOP = 10
NEEDED = 0.99
COLLECTIONS_AT_MOST = 8
GROWTH = 1.25
"""An index that has grown so much is measured again."""

EVERYTHING = AllowedSet(None)


@dataclass(frozen=True, slots=True)
class Trust:
    """What a measurement found, at an index of `rows` rows, of which it knew questions that were `asked` or none.

    Scans by codes that keep `kept` rows find what an exact scan finds, but in the collections of `failing`; 0 says
    that no number was enough, or that nothing is known yet.
    """

    rows: int = 0
    kept: int = 0
    failing: frozenset[UUID] = frozenset()
    asked: bool = False

    def covers(self, allowed: AllowedSet) -> bool:
        """Whether codes may answer for this set."""
        if not self.kept:
            return False
        return not self.failing if allowed.collections is None else self.failing.isdisjoint(allowed.collections)

    def is_due(self, rows: int, asked: int) -> bool:
        """Whether an index of so many rows, to which so many questions are known, should be measured."""
        return rows >= max(self.rows * GROWTH, 1) or (asked >= SAMPLES and not self.asked)


def measured(view: EmbeddedView, kept: int, asked: Sequence[Vector]) -> Trust:
    """Measure the whole index and its widest collections. Takes as long as a few dozen exact scans."""
    found = Trust(rows=len(view.slots), asked=len(asked) >= SAMPLES)
    for each in (kept, 4 * kept):
        if recall(view, EVERYTHING, each, asked) >= NEEDED:
            wide = {collection: AllowedSet(frozenset({collection})) for collection in _wide_collections(view)}
            failing = (collection for collection, alone in wide.items() if recall(view, alone, each, asked) < NEEDED)
            return replace(found, kept=each, failing=frozenset(failing))
    return found


def recall(view: EmbeddedView, allowed: AllowedSet, kept: int, asked: Sequence[Vector]) -> float:
    """Share of the true best ten that a search by codes gives, over `asked` and samples inside `allowed`."""
    queries = np.stack([*_samples(view, allowed), *asked])
    found = 0
    for query, floor in zip(queries, _floors(view, allowed, queries), strict=True):
        hits = view.search(query, allowed, TOP, kept)
        found += int(np.count_nonzero(hits.scores >= floor - ROUNDING))
    return found / (len(queries) * TOP)


def _samples(view: EmbeddedView, allowed: AllowedSet) -> Matrix:
    """Vectors that lie between two of the index, as a question lies beside its answers; always the same ones."""
    mask = view.slots.allowed(allowed).mask
    slots = np.flatnonzero(mask) if mask is not None else np.arange(view.slots.size)
    pairs = np.random.default_rng(len(slots)).choice(slots, (2, SAMPLES))
    mixed = view.matrix.gathered(pairs[0]).rows + view.matrix.gathered(pairs[1]).rows
    lengths = np.linalg.norm(mixed, axis=1, keepdims=True)
    samples: Matrix = np.divide(mixed, np.maximum(lengths, 1e-9), dtype=np.float32)
    return samples


def _floors(view: EmbeddedView, allowed: AllowedSet, queries: Matrix) -> Scores:
    """The true tenth best score of each query."""
    mask = view.slots.allowed(allowed).mask
    best: npt.NDArray[np.float32] = np.full((len(queries), TOP), -np.inf, dtype=np.float32)
    for first, scores in view.matrix.products(queries):
        if mask is not None:
            scores[:, ~mask[first : first + scores.shape[1]]] = -np.inf
        best = np.partition(np.concatenate((best, scores), axis=1), -TOP, axis=1)[:, -TOP:]
    floors: Scores = best.min(axis=1)
    return floors


def _wide_collections(view: EmbeddedView) -> list[UUID]:
    """Collections too wide to be looked at row by row, the widest first."""
    ids = list(view.slots.ordinals)
    counts = np.bincount(view.slots.collections[view.slots.live], minlength=len(ids))
    widest = np.argsort(-counts)[:COLLECTIONS_AT_MOST]
    return [ids[place] for place in widest if counts[place] > NARROW]
