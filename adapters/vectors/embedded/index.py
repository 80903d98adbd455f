"""The embedded vector index: one writer at a time, readers on immutable views."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import numpy as np
from loguru import logger

from adapters.indexing.buffers import give_back_memory
from adapters.indexing.slots import Slots, SlotTable, by_number
from adapters.indexing.snapshots import StoredFile
from adapters.vectors.embedded.matrix import GrowingPart, MatrixView, Part, encoded
from adapters.vectors.embedded.recall import SAMPLES, Trust, measured
from adapters.vectors.embedded.searching import EmbeddedView
from adapters.vectors.embedded.storage import Storage
from application.knowledge.retrieval import AllowedSet, ChunkBatch, Hits, Matrix, Numbers, Scores, Vector

EXACT_BELOW = 50_000
KEPT = 2000
DEAD_AT_LEAST = 10_000
DEAD_SHARE = 0.25


class EmbeddedVectorIndex:
    """A float32 matrix, scanned row by row up to `exact_below` rows and by sign codes beyond; see the port VectorIndex.

    A scan by codes keeps the `kept` nearest and gives them their exact scores. Whether that finds what an exact scan
    finds depends on the model: it is measured in the background, and until then, or where it does not, scans are exact.
    `model` names what made the vectors; a snapshot of another model is not loaded.
    """

    def __init__(
        self,
        model: str,
        dimension: int,
        *,
        exact_below: int = EXACT_BELOW,
        kept: int = KEPT,
        dead_at_least: int = DEAD_AT_LEAST,
    ) -> None:
        self._model = model
        self._dimension = dimension
        self._exact_below = exact_below
        self._kept = kept
        self._dead_at_least = dead_at_least
        self._writing = threading.RLock()
        self._background = ThreadPoolExecutor(1, "vector-upkeep")
        self._measuring: Future[None] | None = None
        self._trust = Trust()
        self._asked: list[Vector] = []  # questions, until there are enough to measure with
        self._start(SlotTable(), GrowingPart(dimension).view, None)

    def __len__(self) -> int:
        return len(self._view.slots)

    def put(self, batch: ChunkBatch) -> None:
        """Add or replace chunks; see the port. Raises ValueError where vectors have another dimension."""
        batch = by_number(batch)
        vectors = _finite(batch.vectors, self._dimension)
        if not len(batch.numbers):
            return
        part = Part(vectors, encoded(vectors))
        with self._writing:
            self._table.append(batch)
            self._tail.append(part)
            self._publish()
            self._tidy()

    def remove_documents(self, document_ids: Sequence[UUID]) -> None:
        """See the port."""
        with self._writing:
            self._remove(self._view.slots.of_documents(document_ids))

    def remove_collection(self, collection_id: UUID) -> None:
        """See the port."""
        with self._writing:
            self._remove(self._view.slots.of_collection(collection_id))

    def search(self, query: Vector, *, allowed: AllowedSet, limit: int) -> Hits:
        """See the port."""
        trust = self._trust
        if not trust.asked:
            self._heed(query)
        return self._view.search(query, allowed, limit, max(trust.kept, limit) if self.scans_codes(allowed) else None)

    def scans_codes(self, allowed: AllowedSet) -> bool:
        """Whether a search under this set, if it is wide, goes by sign codes at present."""
        return self._view.slots.size > self._exact_below and self._trust.covers(allowed)

    def scores(self, query: Vector, numbers: Numbers) -> Scores:
        """See the port."""
        return self._view.scores(query, numbers)

    def save(self, folder: Path, position: int) -> None:
        """Publish what `put` and the removals have made so far; see the port. The rows are then shared with others."""
        with self._writing:
            view, table, base = self._view, self._table, self._base_file
        order = view.slots.by_collection() if self._is_sparse(view.slots.dead, view.slots.size) else None
        storage = Storage(folder, self._model, self._dimension)
        stored = storage.save(position, view, self._trust, base=base, order=order)
        with self._writing:
            if stored is not None and self._table is table:
                self._adopt(stored.part, stored.file, view, order)
        give_back_memory()

    def load(self, folder: Path, *, latest: int | None = None) -> int | None:
        """Take the published snapshot in place of what is held; see the port."""
        snapshot = Storage(folder, self._model, self._dimension).load(latest)
        if snapshot is None:
            return None
        with self._writing:
            self._trust = snapshot.trust
            table = SlotTable(snapshot.columns, snapshot.collections)
            self._start(table, snapshot.matrix.part, snapshot.matrix.file)
            self._tidy()
        return snapshot.position

    def settle(self) -> None:
        """Wait until nothing is being measured. Raises what went wrong in it."""
        while (measuring := self._measuring) is not None:
            measuring.result()

    def _start(self, table: SlotTable, base: Part, base_file: StoredFile | None, tail: Part | None = None) -> None:
        self._table = table
        self._base = base
        self._base_file = base_file
        self._tail = GrowingPart(self._dimension)
        if tail is not None:
            self._tail.append(tail)
        self._publish()

    def _publish(self) -> None:
        self._view = EmbeddedView(self._table.view, MatrixView((self._base, self._tail.view)))

    def _remove(self, slots: Slots) -> None:
        if len(slots):
            self._table.drop(slots)
            self._publish()
            self._tidy()

    def _adopt(self, base: Part, file: StoredFile, saved: EmbeddedView, order: Slots | None) -> None:
        """Put mapped rows in the place of all of `saved`, in the order of `order`; what came after follows them."""
        since = saved.slots.size
        later = self._view.matrix.gathered(np.arange(since, self._view.slots.size))
        if order is not None:
            self._table.rearrange(order, since)
        self._start(self._table, base, file, later)

    def _tidy(self) -> None:
        """Give up dead rows that no snapshot holds, and measure what has grown. The caller holds the lock."""
        mapped, slots = len(self._base), self._view.slots
        dead = slots.size - mapped - int(np.count_nonzero(slots.live[mapped:]))
        if self._is_sparse(dead, slots.size - mapped):
            kept = mapped + np.flatnonzero(slots.live[mapped:])
            tail = self._view.matrix.gathered(kept)
            self._table.rearrange(np.concatenate((np.arange(mapped), kept)), slots.size)
            self._start(self._table, self._base, self._base_file, tail)
        due = slots.size > self._exact_below and self._trust.is_due(len(slots), len(self._asked))
        if due and self._measuring is None:
            self._measuring = self._background.submit(self._measure, self._table, self._view)

    def _heed(self, query: Vector) -> None:
        """Remember a question; once there are enough, measure with them."""
        if self._view.slots.size > self._exact_below and len(self._asked) < SAMPLES and np.isfinite(query).all():
            self._asked.append(query.copy())
            if len(self._asked) >= SAMPLES:
                with self._writing:
                    self._tidy()

    def _measure(self, table: SlotTable, view: EmbeddedView) -> None:
        trust = None
        try:
            trust = measured(view, self._kept, self._asked[:SAMPLES])
        except Exception:
            logger.exception("The recall of the vector index could not be measured; scans stay as they were.")
            raise
        finally:
            with self._writing:
                self._measuring = None
                if trust is not None and self._table is table:
                    self._trust = trust
                if trust is not None:
                    self._tidy()

    def _is_sparse(self, dead: int, size: int) -> bool:
        return dead >= self._dead_at_least and dead > DEAD_SHARE * size


def _finite(vectors: Matrix, dimension: int) -> Matrix:
    """Float32 rows; one that is not finite becomes zero, so that it is near nothing and disturbs no order."""
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise ValueError(f"vectors must have the shape (n, {dimension})")
    whole = np.isfinite(np.vecdot(vectors, vectors))
    return vectors if whole.all() else np.where(whole[:, np.newaxis], vectors, np.float32(0))
