"""Postings of a stretch of slots: per term the slots where it occurs, with frequencies. Segments never change."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adapters.indexing.snapshots import StoredFile
from adapters.keywords.analyzer import RECORD

Keys = npt.NDArray[np.uint64]

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


def segment_of(blobs: Sequence[bytes], first: int) -> tuple[Segment, npt.NDArray[np.float32]]:
    """The segment of chunks in consecutive slots from `first`, and their lengths in terms. Blobs are RECORDs."""
    records = np.frombuffer(b"".join(blobs), dtype=RECORD)
    counts = np.fromiter((len(blob) // RECORD.itemsize for blob in blobs), dtype=np.int64, count=len(blobs))
    slots = np.repeat(np.arange(len(blobs), dtype=np.uint64), counts)
    keys: Keys = records["term"].astype(np.uint64) << np.uint64(32) | slots << np.uint64(8) | records["frequency"]
    lengths = np.bincount(slots.astype(np.intp), weights=records["frequency"], minlength=len(blobs))
    keys.sort()
    return segment_of_keys(keys, first, len(blobs)), lengths.astype(np.float32)


def segment_of_keys(keys: Keys, first: int, size: int) -> Segment:
    """The segment whose postings are these sorted keys, with slots counted from `first`."""
    ends = np.flatnonzero(np.diff(keys >> np.uint64(32), append=np.uint64(1 << 32))) + 1
    return Segment(
        first=first,
        size=size,
        terms=(keys[ends - 1] >> np.uint64(32)).astype(np.uint32),
        starts=np.concatenate(([0], ends)),
        slots=(keys >> np.uint64(8) & np.uint64(SLOTS_AT_MOST - 1)).astype(np.int32),
        frequencies=keys.astype(np.uint8),
    )
