"""BM25 of every chunk of one index state, on dense arrays. No hidden chunk counts in any number."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import numpy.typing as npt

from adapters.indexing.allowed import AllowedSlots
from adapters.indexing.buffers import Recent, Scratch
from adapters.indexing.selection import best, contenders
from adapters.indexing.slots import REMEMBERED_SETS, SlotView
from adapters.keywords.bm25.segments import Segment
from application.knowledge.retrieval import AllowedSet, Hits, Numbers, Scores
from domain.knowledge.ranking import LENGTH_NORMALISATION, TERM_SATURATION, TermStatistics

Terms = npt.NDArray[np.uint32]
Slots = npt.NDArray[np.intp]
Frequencies = npt.NDArray[np.uint8]

_serials = count()


class _Dense(Scratch):
    """The scores that a thread worked out last, and for what: a ranking asks for them a second time."""

    of: object = None


_dense = _Dense()


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What a search under one allowed set looks at, and the statistics of exactly that."""

    slots: AllowedSlots
    statistics: TermStatistics


@dataclass(frozen=True, slots=True, eq=False)
class Bm25View:
    """One state of the index; never changes. `lengths` (size,) are the chunks' lengths in terms."""

    slots: SlotView
    lengths: Scores
    segments: tuple[Segment, ...]
    _serial: int = field(default_factory=lambda: next(_serials))
    _sights: Recent[AllowedSet, Sight] = field(default_factory=lambda: Recent(REMEMBERED_SETS))

    def search(self, terms: Terms, allowed: AllowedSet, limit: int) -> Hits:
        """The best `limit` chunks with a score above 0."""
        scores = self._scored(terms, allowed)
        places = contenders(scores, limit, above=0)
        return best(self.slots.numbers.take(places), scores.take(places), limit)

    def scores(self, terms: Terms, numbers: Numbers, allowed: AllowedSet) -> Scores:
        """The score of each chunk, 0 for one that is not here."""
        slots = self.slots.find(numbers)
        scores = np.zeros(len(numbers), dtype=np.float32)
        held = np.flatnonzero(slots >= 0)
        scores[held] = self._scored(terms, allowed).take(slots[held])
        return scores

    def _scored(self, terms: Terms, allowed: AllowedSet) -> Scores:
        """Scores (size,) of all slots, 0 for hidden ones; the thread's next call overwrites them."""
        key = (self._serial, terms.tobytes(), allowed)
        scores = _dense.array("scores", self.slots.size, np.float32)
        if _dense.of != key:
            _dense.of = None
            scores.fill(0)
            self._add(terms, self._sights.get(allowed, lambda: self._sight(allowed)), scores)
            _dense.of = key
        return scores

    def _sight(self, allowed: AllowedSet) -> Sight:
        slots = self.slots.allowed(allowed)
        length = np.sum(self.lengths, dtype=np.float64, where=True if slots.mask is None else slots.mask)
        return Sight(slots, TermStatistics(slots.count, float(length) / max(slots.count, 1)))

    def _add(self, terms: Terms, sight: Sight, scores: Scores) -> None:
        if not sight.statistics.mean_length:
            return
        for term in terms:
            places = list(self._places(int(term), sight.slots))
            found = sum(_visible(slots, sight.slots) for slots, _ in places)
            if found:
                rarity = np.float32(sight.statistics.rarity(found))
                for slots, frequencies in places:
                    weights = self._weights(slots, frequencies, sight.statistics)
                    weights *= rarity
                    np.add.at(scores, slots, weights)
        if sight.slots.hidden is not None:
            scores[sight.slots.hidden] = 0

    def _places(self, term: int, allowed: AllowedSlots) -> Iterator[tuple[Slots, Frequencies]]:
        """Slots and frequencies of a term. Hidden slots are among them only where `allowed` lists them as few."""
        for segment in self.segments:
            part = segment.postings(term)
            if part.start == part.stop:
                continue
            local, frequencies = segment.slots[part], segment.frequencies[part]
            if allowed.mask is None or allowed.hidden is not None:
                yield np.add(local, segment.first, dtype=np.intp), frequencies
            elif allowed.spans is not None:
                for start, stop in np.searchsorted(local, _local(allowed.spans, segment.first)):
                    yield np.add(local[start:stop], segment.first, dtype=np.intp), frequencies[start:stop]
            else:
                slots = np.add(local, segment.first, dtype=np.intp)
                kept = np.flatnonzero(allowed.mask.take(slots))
                yield slots.take(kept), frequencies.take(kept)

    def _weights(self, slots: Slots, frequencies: Frequencies, statistics: TermStatistics) -> Scores:
        """`TermStatistics.weight` of many postings, but for the rarity that they have in common."""
        counts = frequencies.astype(np.float32)
        damping = self.lengths.take(slots)
        damping *= np.float32(TERM_SATURATION * LENGTH_NORMALISATION / statistics.mean_length)
        damping += np.float32(TERM_SATURATION * (1 - LENGTH_NORMALISATION))
        damping += counts
        counts /= damping
        return counts


def _local(spans: npt.NDArray[np.int32], first: int) -> npt.NDArray[np.int32]:
    return spans - np.int32(first)


def _visible(slots: Slots, allowed: AllowedSlots) -> int:
    """How many of a term's slots are allowed."""
    if allowed.hidden is None or allowed.mask is None:
        return len(slots)
    if len(allowed.hidden) * 16 > len(slots):
        return int(np.count_nonzero(allowed.mask.take(slots)))
    places = np.searchsorted(slots, allowed.hidden)
    places[places == len(slots)] = 0
    return len(slots) - int(np.count_nonzero(slots.take(places) == allowed.hidden))
