"""Which chunk lies in which slot. Slots count from 0 in the order of arrival; a removed chunk leaves a dead slot."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
import numpy.typing as npt

from adapters.indexing.allowed import AllowedSlots, allowed_slots
from adapters.indexing.buffers import Growing, Recent
from adapters.indexing.runs import Run, extended, find
from application.knowledge.retrieval import AllowedSet, ChunkBatch, Numbers

Mask = npt.NDArray[np.bool_]
Slots = npt.NDArray[np.intp]
Columns = dict[str, npt.NDArray[np.generic]]

REMEMBERED_SETS = 16
BUCKETS = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class SlotView:
    """One state of a slot table; never changes. All columns are (size,)."""

    numbers: Numbers
    document_high: npt.NDArray[np.uint64]
    document_low: npt.NDArray[np.uint64]
    collections: npt.NDArray[np.int32]
    live: Mask
    dead: int
    runs: tuple[Run, ...]
    ordinals: Mapping[UUID, int]
    """Place of each collection's id in the ordinals that `collections` holds."""
    _allowed: Recent[AllowedSet, AllowedSlots] = field(default_factory=lambda: Recent(REMEMBERED_SETS))

    @property
    def size(self) -> int:
        return len(self.numbers)

    def __len__(self) -> int:
        return self.size - self.dead

    def find(self, numbers: Numbers) -> Slots:
        """The live slot of each number, -1 where there is none. Fast where `numbers` ascend."""
        return find(self.numbers, self.live, self.runs, numbers)

    def of_documents(self, document_ids: Iterable[UUID]) -> Slots:
        """The live slots of these documents."""
        high, low = halves(sorted(set(document_ids)))
        by_low = np.argsort(low, kind="stable")
        high, low = high[by_low], low[by_low]
        buckets = np.zeros(BUCKETS, dtype=np.bool_)
        buckets[_bucket(low)] = True
        near = np.flatnonzero(buckets.take(_bucket(self.document_low)) & self.live)
        at = np.searchsorted(low, self.document_low[near])
        hit = np.zeros(len(near), dtype=np.bool_)
        for step in range(_longest_repeat(low)):
            candidate = np.minimum(at + step, len(low) - 1)
            hit |= (low[candidate] == self.document_low[near]) & (high[candidate] == self.document_high[near])
        return near[hit]

    def of_collection(self, collection_id: UUID) -> Slots:
        """The live slots of a collection."""
        ordinal = self.ordinals.get(collection_id, -1)
        return np.flatnonzero((self.collections == ordinal) & self.live)

    def allowed(self, allowed: AllowedSet) -> AllowedSlots:
        """The live slots that `allowed` names; remembered."""
        return self._allowed.get(allowed, lambda: allowed_slots(self._mask(allowed)))

    def by_collection(self) -> Slots:
        """The live slots with each collection's together, by number inside; the order that makes narrow sets fast."""
        live = np.flatnonzero(self.live)
        return live[np.lexsort((self.numbers[live], self.collections[live]))]

    def columns(self) -> Columns:
        """The columns by name, as SlotTable takes them."""
        return {
            "numbers": self.numbers,
            "document_high": self.document_high,
            "document_low": self.document_low,
            "collections": self.collections,
            "live": self.live,
        }

    def _mask(self, allowed: AllowedSet) -> Mask:
        mask = self.live
        if allowed.collections is not None:
            chosen = np.zeros(len(self.ordinals), dtype=np.bool_)
            chosen[[self.ordinals[each] for each in allowed.collections if each in self.ordinals]] = True
            mask = mask & chosen.take(self.collections) if len(chosen) else mask
        if allowed.documents is not None:
            of_documents = np.zeros(self.size, dtype=np.bool_)
            of_documents[self.of_documents(allowed.documents)] = True
            mask = mask & of_documents
        return mask


class SlotTable:
    """The writer's side. One thread at a time changes it; each change makes a new `view`."""

    view: SlotView

    def __init__(self, columns: Columns | None = None, collections: Sequence[UUID] = ()) -> None:
        self._ordinals = {each: place for place, each in enumerate(collections)}
        self._adopt(columns or empty_columns())

    def append(self, batch: ChunkBatch) -> int:
        """Give the next slots to chunks whose numbers ascend; numbers already here lose their old slot. First slot."""
        first, numbers = self.view.size, batch.numbers
        self.drop(self.view.find(numbers))
        for each in set(batch.collection_ids):
            self._ordinals.setdefault(each, len(self._ordinals))
        high, low = halves(batch.document_ids)
        ordinals = np.fromiter((self._ordinals[each] for each in batch.collection_ids), dtype=np.int32)
        added = self._numbers.append(numbers)
        self._high.append(high)
        self._low.append(low)
        self._collections.append(ordinals)
        self._live.append(np.ones(len(numbers), dtype=np.bool_))
        self._refresh(extended(self.view.runs, added, first), self.view.dead)
        return first

    def drop(self, slots: Slots) -> None:
        """Mark live slots as dead; -1 is passed over."""
        slots = slots[slots >= 0]
        if len(slots):
            live = self.view.live.copy()
            live[slots] = False
            self._live = Growing(live)
            self._refresh(self.view.runs, self.view.dead + len(slots))

    def rearrange(self, order: Slots, since: int) -> None:
        """Keep the slots of `order`, in this order, and all from `since` on, which follow them."""
        order = np.concatenate((order, np.arange(since, self.view.size)))
        columns = {name: column[order] for name, column in self.view.columns().items()}
        self._adopt(columns)

    def _adopt(self, columns: Columns) -> None:
        self._numbers = Growing(columns["numbers"].astype(np.int64, copy=False))
        self._high = Growing(columns["document_high"].astype(np.uint64, copy=False))
        self._low = Growing(columns["document_low"].astype(np.uint64, copy=False))
        self._collections = Growing(columns["collections"].astype(np.int32, copy=False))
        self._live = Growing(columns["live"].astype(np.bool_, copy=False))
        dead = self._live.size - int(np.count_nonzero(self._live.view))
        self._refresh(extended((), self._numbers.view, 0), dead)

    def _refresh(self, runs: tuple[Run, ...], dead: int) -> None:
        self.view = SlotView(
            numbers=self._numbers.view,
            document_high=self._high.view,
            document_low=self._low.view,
            collections=self._collections.view,
            live=self._live.view,
            dead=dead,
            runs=runs,
            ordinals=dict(self._ordinals),
        )


def empty_columns() -> Columns:
    types = {"numbers": "i8", "document_high": "u8", "document_low": "u8", "collections": "i4", "live": "?"}
    return {name: np.empty(0, dtype=kind) for name, kind in types.items()}


def by_number(batch: ChunkBatch) -> ChunkBatch:
    """The batch with its numbers ascending; of rows with equal numbers the last one only."""
    numbers = batch.numbers
    if bool((numbers[1:] > numbers[:-1]).all()):
        return batch
    rows = np.argsort(numbers, kind="stable")
    rows = rows.compress(np.append(numbers[rows][1:] != numbers[rows][:-1], True))
    return ChunkBatch(
        numbers=numbers[rows],
        document_ids=[batch.document_ids[row] for row in rows],
        collection_ids=[batch.collection_ids[row] for row in rows],
        vectors=batch.vectors[rows],
        terms=[batch.terms[row] for row in rows],
    )


def halves(ids: Sequence[UUID]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """The upper and the lower 64 bits of ids, as two columns."""
    both = np.frombuffer(b"".join([each.bytes for each in ids]), dtype=">u8").reshape(-1, 2).astype(np.uint64)
    return np.ascontiguousarray(both[:, 0]), np.ascontiguousarray(both[:, 1])


def _bucket(low: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    return (low & np.uint64(BUCKETS - 1)).view(np.int64)


def _longest_repeat(ascending: npt.NDArray[np.uint64]) -> int:
    if not len(ascending):
        return 0
    edges = np.flatnonzero(np.concatenate(([True], ascending[1:] != ascending[:-1], [True])))
    return int(np.diff(edges).max())
