"""The embedded keyword index: one writer at a time, readers on immutable views, upkeep in the background."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import UUID

import numpy as np
import numpy.typing as npt
from loguru import logger

from adapters.indexing.buffers import Growing, give_back_memory
from adapters.indexing.slots import Slots, SlotTable, by_number
from adapters.keywords.bm25.merging import merged, renumbered
from adapters.keywords.bm25.scoring import Bm25View
from adapters.keywords.bm25.segments import Segment, segment_of
from adapters.keywords.bm25.storage import load, save
from adapters.keywords.bm25.upkeep import DEAD_AT_LEAST, due_for_compaction, due_for_merging
from application.knowledge.retrieval import AllowedSet, ChunkBatch, Hits, Numbers, Scores

Terms = npt.NDArray[np.uint32]

MERGED_AT_ONCE = 100_000
"""Postings up to which a merge runs within `put`: a few milliseconds. Larger ones run in a thread of their own."""


class Bm25Index:
    """Postings in numpy segments; see the port KeywordIndex for the promises. Holds at most 16 million chunks."""

    def __init__(
        self,
        analyzer_version: str,
        *,
        merged_at_once: int = MERGED_AT_ONCE,
        dead_at_least: int = DEAD_AT_LEAST,
    ) -> None:
        self._analyzer_version = analyzer_version
        self._merged_at_once = merged_at_once
        self._dead_at_least = dead_at_least
        self._writing = threading.RLock()
        self._background = ThreadPoolExecutor(1, "keyword-upkeep")
        self._upkeep: Future[None] | None = None
        self._busy_until = 0  # segments of lower slots are being worked on
        self._start(SlotTable(), np.empty(0, dtype=np.float32), ())

    def __len__(self) -> int:
        return len(self._view.slots)

    def put(self, batch: ChunkBatch) -> None:
        """Add or replace chunks; see the port."""
        batch = by_number(batch)
        if not len(batch.numbers):
            return
        with self._writing:
            segment, lengths = segment_of(batch.terms, self._table.append(batch))
            self._lengths.append(lengths)
            self._publish((*self._view.segments, segment))
            self._tidy()

    def remove_documents(self, document_ids: Sequence[UUID]) -> None:
        """See the port."""
        with self._writing:
            self._remove(self._view.slots.of_documents(document_ids))

    def remove_collection(self, collection_id: UUID) -> None:
        """See the port."""
        with self._writing:
            self._remove(self._view.slots.of_collection(collection_id))

    def search(self, terms: Terms, *, allowed: AllowedSet, limit: int) -> Hits:
        """See the port."""
        return self._view.search(terms, allowed, limit)

    def scores(self, terms: Terms, numbers: Numbers, *, allowed: AllowedSet) -> Scores:
        """See the port."""
        return self._view.scores(terms, numbers, allowed)

    def save(self, folder: Path, position: int) -> None:
        """Publish what `put` and the removals have made so far; see the port."""
        view = self._view
        stored = save(folder, self._analyzer_version, position, view)
        with self._writing:
            mapped = {id(old): new for old, new in zip(view.segments, stored, strict=True)}
            self._publish(tuple(mapped.get(id(segment), segment) for segment in self._view.segments))
        give_back_memory()

    def load(self, folder: Path, *, latest: int | None = None) -> int | None:
        """Take the published snapshot in place of what is held; see the port."""
        snapshot = load(folder, self._analyzer_version, latest)
        if snapshot is None:
            return None
        with self._writing:
            self._start(SlotTable(snapshot.columns, snapshot.collections), snapshot.lengths, snapshot.segments)
        return snapshot.position

    def settle(self) -> None:
        """Wait until no upkeep is under way or due. Raises what went wrong in it."""
        while (upkeep := self._upkeep) is not None:
            upkeep.result()

    def _start(self, table: SlotTable, lengths: Scores, segments: tuple[Segment, ...]) -> None:
        self._table = table
        self._lengths = Growing(lengths)
        self._publish(segments)

    def _publish(self, segments: tuple[Segment, ...]) -> None:
        self._view = Bm25View(self._table.view, self._lengths.view, segments)

    def _remove(self, slots: Slots) -> None:
        if len(slots):
            self._table.drop(slots)
            self._publish(self._view.segments)
            self._tidy()

    def _tidy(self) -> None:
        """Do the upkeep that is due: at once where it is small, else in the background. The caller holds the lock."""
        view = self._view
        due = due_for_merging([segment for segment in view.segments if segment.first >= self._busy_until])
        if due and sum(map(len, due)) <= self._merged_at_once:
            self._exchange(merged(due, view.slots.live))
        elif due and self._upkeep is None:
            self._begin(due[-1].stop, partial(self._merging, view, due))
        if self._upkeep is None and due_for_compaction(view.slots, self._dead_at_least):
            self._begin(view.slots.size, partial(self._compaction, view))

    def _begin(self, busy_until: int, work: Callable[[], Callable[[], None]]) -> None:
        self._busy_until = busy_until
        self._upkeep = self._background.submit(self._run, self._table, work)

    def _run(self, table: SlotTable, work: Callable[[], Callable[[], None]]) -> None:
        """Work on an old view without the lock, then apply the outcome to the present one, unless it was reloaded."""
        apply = None
        try:
            apply = work()
        except Exception:
            logger.exception("Upkeep of the keyword index failed; it goes on with more segments.")
            raise
        finally:
            with self._writing:
                self._upkeep, self._busy_until = None, 0
                if apply is not None and self._table is table:
                    apply()
                    self._tidy()
            give_back_memory()

    def _merging(self, view: Bm25View, due: Sequence[Segment]) -> Callable[[], None]:
        return partial(self._exchange, merged(due, view.slots.live))

    def _exchange(self, new: Segment) -> None:
        """Put a segment in the place of all those that cover the same slots."""
        held = self._view.segments
        before = tuple(segment for segment in held if segment.stop <= new.first)
        self._publish((*before, new, *(segment for segment in held if segment.first >= new.stop)))

    def _compaction(self, view: Bm25View) -> Callable[[], None]:
        order = view.slots.by_collection()
        return partial(self._move, order, view.slots.size, renumbered(view.segments, order, view.slots.size))

    def _move(self, order: Slots, since: int, new: Segment) -> None:
        """Give the slots below `since` the order of `order`; what came after follows them."""
        later = [segment for segment in self._view.segments if segment.first >= since]
        moved = (replace(segment, first=segment.first - since + len(order)) for segment in later)
        lengths = self._lengths.view
        self._table.rearrange(order, since)
        self._start(self._table, np.concatenate((lengths[order], lengths[since:])), (new, *moved))
