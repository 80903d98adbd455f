"""One state of the embedded vector index, and how a query runs over it."""

from dataclasses import dataclass

import numpy as np

from adapters.indexing.allowed import AllowedSlots
from adapters.indexing.buffers import Scratch
from adapters.indexing.selection import best, contenders
from adapters.indexing.slots import Slots, SlotView
from adapters.vectors.embedded.matrix import MatrixView
from application.knowledge.retrieval import AllowedSet, Hits, Numbers, Scores, Vector

ROUNDING = 1e-5
"""More than two ways of adding up the same product of unit vectors differ."""

TIES_AT_MOST = 8

_scratch = Scratch()
_nothing = Hits(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedView:
    """One state of the index; never changes."""

    slots: SlotView
    matrix: MatrixView

    def search(self, query: Vector, allowed: AllowedSet, limit: int, kept: int | None) -> Hits:
        """The nearest `limit` chunks: of the `kept` best by codes, or by an exact scan where that is None."""
        chosen = self.slots.allowed(allowed)
        if not chosen.count or limit <= 0:
            return _nothing
        if chosen.slots is not None:
            slots, scores = chosen.slots, self._narrow(query, chosen, chosen.slots)
        else:
            found = self._by_codes(query, chosen, kept) if kept else None
            slots = self._by_rows(query, chosen, limit) if found is None else found
            scores = self.matrix.dots(slots, query)
        return best(self.slots.numbers.take(slots), scores, limit)

    def scores(self, query: Vector, numbers: Numbers) -> Scores:
        """The exact cosine of each chunk, -1 for one that is not here."""
        slots = self.slots.find(numbers)
        scores = np.full(len(numbers), -1, dtype=np.float32)
        held = np.flatnonzero(slots >= 0)
        scores[held] = self.matrix.dots(slots[held], query)
        return scores

    def _narrow(self, query: Vector, chosen: AllowedSlots, slots: Slots) -> Scores:
        if chosen.spans is None:
            return self.matrix.dots(slots, query)
        return np.concatenate([self.matrix.span_dots(start, stop, query) for start, stop in chosen.spans.tolist()])

    def _by_rows(self, query: Vector, chosen: AllowedSlots, limit: int) -> Slots:
        scores = _scratch.array("scores", self.slots.size, np.float32)
        self.matrix.scan(query, scores)
        if chosen.mask is not None:
            np.copyto(scores, -np.inf, where=~chosen.mask)
        return contenders(scores, limit, above=-np.inf, slack=ROUNDING)

    def _by_codes(self, query: Vector, chosen: AllowedSlots, kept: int) -> Slots | None:
        """The `kept` best and their ties; None where ties make them so many that codes gain nothing."""
        equal = _scratch.array("equal", self.slots.size, np.uint16)
        self.matrix.scan_codes(query, equal)
        if chosen.mask is not None:
            np.multiply(equal, chosen.mask, out=equal)
        slots = contenders(equal, kept, above=0)
        return slots if len(slots) <= TIES_AT_MOST * kept else None
