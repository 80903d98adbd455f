"""Making one segment of several, in blocks of terms so that little memory is taken beside the result."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from adapters.keywords.bm25.segments import Keys, Segment, segment_of_keys

AT_ONCE = 1_000_000
"""Postings of a block; each takes some 40 bytes for the time of the work."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Postings of one segment for a range of terms: term i has counts[i] of them. Slots are those of the result."""

    terms: npt.NDArray[np.uint32]
    counts: Counts
    slots: npt.NDArray[np.int32]
    frequencies: npt.NDArray[np.uint8]


def merged(segments: Sequence[Segment], live: npt.NDArray[np.bool_]) -> Segment:
    """One segment for neighbours, in their order; postings of slots that are not `live` are left out."""
    first, stop = segments[0].first, segments[-1].stop
    blocks = []
    for low, high in _ranges(segments):
        parts = [_block(segment, low, high, live[segment.first : segment.stop], first) for segment in segments]
        blocks.append(_interleaved(parts))
    return _joined(blocks, first, stop - first)


def renumbered(segments: Sequence[Segment], order: npt.NDArray[np.intp], size: int) -> Segment:
    """One segment from slot 0 on, of the slots of `order` out of `size`, in that order."""
    new = np.full(size, -1, dtype=np.int64)
    new[order] = np.arange(len(order))
    blocks = []
    for low, high in _ranges(segments):
        keys = np.concatenate([_keys(segment, low, high, new) for segment in segments])
        keys.sort()
        block = segment_of_keys(keys, 0, len(order))
        blocks.append(Block(block.terms, np.diff(block.starts), block.slots, block.frequencies))
    return _joined(blocks, 0, len(order))


def _ranges(segments: Sequence[Segment]) -> Iterator[tuple[int, int]]:
    """Ranges of terms with about as many postings each; terms are hashes, so even ranges will do."""
    parts = sum(map(len, segments)) // AT_ONCE + 1
    return pairwise(np.linspace(0, 1 << 32, parts + 1).astype(np.int64).tolist())


def _part(segment: Segment, low: int, high: int) -> tuple[slice, slice]:
    """The terms in [low, high), and their postings."""
    begin, end = np.searchsorted(segment.terms, np.array([low, high], dtype=np.uint64)).tolist()
    return slice(begin, end), slice(int(segment.starts[begin]), int(segment.starts[end]))


def _block(segment: Segment, low: int, high: int, live: npt.NDArray[np.bool_], first: int) -> Block:
    terms, postings = _part(segment, low, high)
    starts = segment.starts[terms.start : terms.stop + 1] - postings.start
    slots, frequencies = segment.slots[postings], segment.frequencies[postings]
    if not live.all():
        kept = live.take(slots)
        starts = np.concatenate(([0], np.cumsum(kept)))[starts]
        slots, frequencies = slots.compress(kept), frequencies.compress(kept)
    return Block(segment.terms[terms], np.diff(starts), slots + np.int32(segment.first - first), frequencies)


def _interleaved(parts: Sequence[Block]) -> Block:
    """One block in which each term has the postings of all parts, one part's after the other's."""
    terms = np.sort(np.concatenate([part.terms for part in parts]), kind="stable")  # fast, as they are sorted runs
    terms = terms.compress(np.diff(terms, prepend=terms[:1] - np.uint32(1)) != 0)
    places = [np.searchsorted(terms, part.terms) for part in parts]
    counts = np.zeros(len(terms), dtype=np.int64)
    for part, place in zip(parts, places, strict=True):
        counts[place] += part.counts
    total = int(counts.sum())
    slots, frequencies = np.empty(total, dtype=np.int32), np.empty(total, dtype=np.uint8)
    free = np.cumsum(counts) - counts
    for part, place in zip(parts, places, strict=True):
        begins = np.cumsum(part.counts) - part.counts
        target = np.repeat(free[place] - begins, part.counts)
        target += np.arange(len(target))
        slots[target], frequencies[target] = part.slots, part.frequencies
        free[place] += part.counts
    held = counts > 0
    return Block(terms.compress(held), counts.compress(held), slots, frequencies)


def _keys(segment: Segment, low: int, high: int, new: Counts) -> Keys:
    """Sort keys of the postings of terms in [low, high) by new slot; those whose new slot is -1 are left out."""
    terms, postings = _part(segment, low, high)
    counts = np.diff(segment.starts[terms.start : terms.stop + 1])
    slots = new[segment.first : segment.stop].take(segment.slots[postings])
    keys: Keys = np.repeat(segment.terms[terms].astype(np.uint64), counts) << np.uint64(32)
    keys |= slots.astype(np.uint64) << np.uint64(8) | segment.frequencies[postings]
    return keys.compress(slots >= 0)


def _joined(blocks: Sequence[Block], first: int, size: int) -> Segment:
    """Blocks of ascending terms as one segment."""
    counts = np.concatenate([block.counts for block in blocks])
    return Segment(
        first=first,
        size=size,
        terms=np.concatenate([block.terms for block in blocks]),
        starts=np.concatenate(([0], np.cumsum(counts))),
        slots=np.concatenate([block.slots for block in blocks]),
        frequencies=np.concatenate([block.frequencies for block in blocks]),
    )
