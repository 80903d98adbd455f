"""Postings of a stretch of slots: per term the slots where it occurs, with frequencies. Segments never change."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from adapters.indexing.snapshots import StoredFile
from adapters.keywords.analyzer import RECORD

Keys = npt.NDArray[np.uint64]

SORTED_AT_ONCE = 4_000_000
"""Postings that a merge holds in memory at a time, 8 bytes each and some copies."""

SLOTS_AT_MOST = 1 << 24
"""A posting's sort key has 32 bits of term, 24 of slot and 8 of frequency, so it is one machine word."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Postings of the slots [first, first + size). `terms` (v,) ascend; term i has postings starts[i]:starts[i + 1].

    `slots` count from `first` and ascend within a term. `stored` is the snapshot file that the arrays are mapped from.
    """

    first: int
    size: int
    terms: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.int64]
    slots: npt.NDArray[np.int32]
    frequencies: npt.NDArray[np.uint8]
    stored: StoredFile | None = None

    def __len__(self) -> int:
        return len(self.slots)

    @property
    def stop(self) -> int:
        return self.first + self.size

    def postings(self, term: int) -> slice:
        """Where the postings of a term lie; empty where it does not occur."""
        place = int(np.searchsorted(self.terms, np.uint32(term)))
        if place == len(self.terms) or self.terms[place] != term:
            return slice(0, 0)
        return slice(int(self.starts[place]), int(self.starts[place + 1]))

    def keys(self, low: int, high: int, renumbered: npt.NDArray[np.int64]) -> Keys:
        """Sort keys of the postings of terms in [low, high), by new slot; those whose new slot is -1 are left out."""
        begin, end = np.searchsorted(self.terms, np.array([low, high], dtype=np.uint64))
        part = slice(int(self.starts[begin]), int(self.starts[end]))
        terms = np.repeat(self.terms[begin:end].astype(np.uint64), np.diff(self.starts[begin : end + 1]))
        slots = renumbered[self.first : self.stop].take(self.slots[part])
        keys: Keys = terms << np.uint64(32) | slots.astype(np.uint64) << np.uint64(8) | self.frequencies[part]
        return keys.compress(slots >= 0)


def segment_of(blobs: Sequence[bytes], first: int) -> tuple[Segment, npt.NDArray[np.float32]]:
    """The segment of chunks in consecutive slots from `first`, and their lengths in terms. Blobs are RECORDs."""
    records = np.frombuffer(b"".join(blobs), dtype=RECORD)
    counts = np.fromiter((len(blob) // RECORD.itemsize for blob in blobs), dtype=np.int64, count=len(blobs))
    slots = np.repeat(np.arange(len(blobs), dtype=np.uint64), counts)
    keys: Keys = records["term"].astype(np.uint64) << np.uint64(32) | slots << np.uint64(8) | records["frequency"]
    lengths = np.bincount(slots.astype(np.intp), weights=records["frequency"], minlength=len(blobs))
    keys.sort()
    return _segment(keys, first, len(blobs)), lengths.astype(np.float32)


def merged(segments: Sequence[Segment], renumbered: npt.NDArray[np.int64], first: int, size: int) -> Segment:
    """One segment of the slots [first, first + size) with the postings of all `segments`.

    `renumbered` gives for each of their slots the new one, counted from `first`, or -1 to forget its postings.
    """
    parts = max(1, sum(map(len, segments)) // SORTED_AT_ONCE)
    bounds = np.linspace(0, 1 << 32, parts + 1).astype(np.int64).tolist()
    blocks = []
    for low, high in pairwise(bounds):
        keys = np.concatenate([segment.keys(low, high, renumbered) for segment in segments])
        keys.sort()
        blocks.append(_segment(keys, first, size))
    return blocks[0] if len(blocks) == 1 else _joined(blocks)


def _segment(keys: Keys, first: int, size: int) -> Segment:
    ends = np.flatnonzero(np.diff(keys >> np.uint64(32), append=np.uint64(1 << 32))) + 1
    return Segment(
        first=first,
        size=size,
        terms=(keys[ends - 1] >> np.uint64(32)).astype(np.uint32),
        starts=np.concatenate(([0], ends)),
        slots=(keys >> np.uint64(8) & np.uint64(SLOTS_AT_MOST - 1)).astype(np.int32),
        frequencies=keys.astype(np.uint8),
    )


def _joined(blocks: Sequence[Segment]) -> Segment:
    """The blocks of one segment, in the order of their terms, as one."""
    begins = np.cumsum([0, *map(len, blocks)])
    return Segment(
        first=blocks[0].first,
        size=blocks[0].size,
        terms=np.concatenate([block.terms for block in blocks]),
        starts=np.concatenate(
            [np.zeros(1, np.int64), *(block.starts[1:] + begin for block, begin in zip(blocks, begins, strict=False))]
        ),
        slots=np.concatenate([block.slots for block in blocks]),
        frequencies=np.concatenate([block.frequencies for block in blocks]),
    )
