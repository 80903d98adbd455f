"""Rows of vectors with their sign codes: one bit per component, which cost a 32nd of the memory to scan."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from adapters.indexing.buffers import Growing, Scratch
from application.knowledge.retrieval import Matrix, Scores, Vector

Words = npt.NDArray[np.uint64]
Codes = tuple[Words, ...]
"""Per 64 components one column (n,): a scan runs along columns, a word of every row at a time."""

Slots = npt.NDArray[np.intp]

SCANNED_AT_ONCE = 32_768
"""Rows whose words and counts stay in the cache of a core together."""

GATHERED_AT_ONCE = 256
"""Rows that are copied together to be multiplied: twice as fast as all at once, since they stay in the cache."""

_scratch = Scratch()


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Consecutive rows (n, dimension) and their codes."""

    rows: Matrix
    codes: Codes

    def __len__(self) -> int:
        return len(self.rows)


class GrowingPart:
    """Rows in memory, for one writer; `view` gives those of now."""

    def __init__(self, dimension: int) -> None:
        self._rows = Growing(np.empty((0, dimension), dtype=np.float32))
        self._codes = [Growing(np.empty(0, dtype=np.uint64)) for _ in range(words_of(dimension))]

    def append(self, part: Part) -> None:
        self._rows.append(part.rows)
        for column, words in zip(self._codes, part.codes, strict=True):
            column.append(words)

    @property
    def view(self) -> Part:
        return Part(self._rows.view, tuple(column.view for column in self._codes))


@dataclass(frozen=True, slots=True, eq=False)
class MatrixView:
    """The rows of all slots: those of the first part, then those of the second."""

    parts: tuple[Part, ...]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def dots(self, slots: Slots, query: Vector) -> Scores:
        """The exact product of each slot's row with `query`: the same bits wherever the row lies."""
        scores = np.empty(len(slots), dtype=np.float32)
        buffer = _scratch.array("rows", GATHERED_AT_ONCE * len(query), np.float32).reshape(-1, len(query))
        for part, first, stop in self._places():
            inside = np.flatnonzero((slots >= first) & (slots < stop))
            for start in range(0, len(inside), GATHERED_AT_ONCE):
                places = inside[start : start + GATHERED_AT_ONCE]
                rows = buffer[: len(places)]
                part.rows.take(slots[places] - first, axis=0, out=rows, mode="clip")  # other modes copy `out`
                scores[places] = np.vecdot(rows, query)
        return scores

    def span_dots(self, start: int, stop: int, query: Vector) -> Scores:
        """`dots` of the slots [start, stop), without a copy of their rows."""
        places = ((part, max(start - first, 0), stop - first) for part, first, _ in self._places())
        return np.concatenate([np.vecdot(part.rows[low : max(high, 0)], query) for part, low, high in places])

    def gathered(self, slots: Slots) -> Part:
        """Rows and codes of these slots, in their order, copied."""
        dimension = self.parts[0].rows.shape[1]
        rows = np.empty((len(slots), dimension), dtype=np.float32)
        codes = tuple(np.empty(len(slots), dtype=np.uint64) for _ in range(words_of(dimension)))
        for part, first, stop in self._places():
            inside = np.flatnonzero((slots >= first) & (slots < stop))
            taken = slots[inside] - first
            rows[inside] = part.rows.take(taken, axis=0)
            for column, words in zip(codes, part.codes, strict=True):
                column[inside] = words.take(taken)
        return Part(rows, codes)

    def scan(self, query: Vector, scores: Scores) -> None:
        """Fill `scores` (n,) with products that may differ from `dots` in their last bits."""
        for part, first, stop in self._places():
            np.dot(part.rows, query, out=scores[first:stop])

    def products(self, queries: Matrix) -> Iterator[tuple[int, Scores]]:
        """Per block of slots the first one, and the products (queries, slots) with several vectors at once."""
        for part, first, _ in self._places():
            for low in range(0, len(part), SCANNED_AT_ONCE):
                yield first + low, queries @ part.rows[low : low + SCANNED_AT_ONCE].T

    def scan_codes(self, query: Vector, equal: npt.NDArray[np.uint16]) -> None:
        """Fill `equal` (n,) with 1 + the number of components that have the sign of the query's."""
        opposite = [~words[0] for words in encoded(query[np.newaxis])]
        mixed = _scratch.array("mixed", SCANNED_AT_ONCE, np.uint64)
        ones = _scratch.array("ones", SCANNED_AT_ONCE, np.uint8)
        for part, first, _ in self._places():
            for low, high in pairwise([*range(0, len(part), SCANNED_AT_ONCE), len(part)]):
                counts, size = equal[first + low : first + high], high - low
                counts.fill(1)
                for words, word in zip(part.codes, opposite, strict=True):
                    np.bitwise_xor(words[low:high], word, out=mixed[:size])
                    np.bitwise_count(mixed[:size], out=ones[:size])
                    np.add(counts, ones[:size], out=counts)

    def _places(self) -> Iterator[tuple[Part, int, int]]:
        first = 0
        for part in self.parts:
            if len(part):
                yield part, first, first + len(part)
            first += len(part)


def words_of(dimension: int) -> int:
    """64-bit words that the signs of a vector take."""
    return -(-dimension // 64)


def encoded(rows: Matrix) -> Codes:
    """Sign codes of rows (n, dimension): a bit is set where the component is above 0."""
    bits = np.packbits(rows > 0, axis=1)
    padded = np.zeros((len(rows), 8 * words_of(rows.shape[1])), dtype=np.uint8)
    padded[:, : bits.shape[1]] = bits
    return tuple(np.ascontiguousarray(column) for column in padded.view(np.uint64).T)
