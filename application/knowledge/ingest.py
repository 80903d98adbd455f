"""Ingestion: from queued documents to chunks that can be found. Batches overlap: one is embedded, the next prepared."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from application.knowledge.ingest_writer import IngestReport, IngestWriter, Item
from application.knowledge.ports import KnowledgeWork
from application.knowledge.preparation import Preparation, Prepared
from application.knowledge.retrieval import Embedder, Matrix
from application.shared.jobs import JobQueue, JobTicket
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Work
from domain.knowledge.documents import Document
from domain.knowledge.errors import ExtractionFailed
from domain.knowledge.extracts import ExtractionReason
from domain.shared.actor import system_actor
from domain.shared.errors import StorageFull, Unavailable

BATCH = 64
"""Documents of one unit of work."""
BATCH_BYTES = 16 * 1024 * 1024
"""Original bytes of one unit of work, unless a single document has more."""
BATCHES_AT_ONCE = 3
CLAIMS_MAX = 5
"""Claims of one job after which its document counts as one that brings its worker down."""
TEXTS_PER_CALL = 512
"""Chunks embedded between two counts of progress."""

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class _Stages:
    """What the batches of one run share: one at a time is prepared, one embedded; a few are open."""

    total: int
    on_progress: Progress | None
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(BATCHES_AT_ONCE))
    preparing: asyncio.Lock = field(default_factory=asyncio.Lock)
    embedding: asyncio.Lock = field(default_factory=asyncio.Lock)
    report: IngestReport = field(default_factory=IngestReport)
    done: int = 0
    down: Unavailable | StorageFull | None = None

    def count(self, documents: int, report: IngestReport) -> None:
        self.report.add(report)
        self.done += documents
        if self.on_progress is not None:
            self.on_progress(self.done, self.total)


class IngestService:
    """Ingests claimed documents. Parts that are down put documents back into the queue."""

    def __init__(
        self,
        work: Work[KnowledgeWork],
        queue: JobQueue,
        preparation: Preparation,
        embedder: Embedder,
        clock: Clock,
        index_version: str,
    ) -> None:
        self._work, self._queue, self._preparation = work, queue, preparation
        self._embedder, self._clock = embedder, clock
        self._operation = Operation("document.ingest", system_actor("ingest"))
        self._writer = IngestWriter(work, self._operation, clock, index_version)

    async def run(self, tickets: Sequence[JobTicket], on_progress: Progress | None = None) -> IngestReport:
        """Ingest the documents of these tickets; `on_progress` is told how many of how many documents are done.

        What a claim lost to another worker would have written is not written. Raises Unavailable or StorageFull only
        where the store itself is down or has no room: the claims then run out and others take them.
        """
        stages = _Stages(len(tickets), on_progress)
        async with asyncio.TaskGroup() as group:
            for batch in _batches(tickets):
                await stages.gate.acquire()
                if stages.down is not None:
                    break
                group.create_task(self._batch(batch, stages))
        if stages.down is not None:
            raise stages.down
        return stages.report

    async def _batch(self, tickets: Sequence[JobTicket], stages: _Stages) -> None:
        try:
            await self._queue.prolong(tickets, self._clock.now())
            await self._carry_out(tickets, stages)
        except (Unavailable, StorageFull) as error:
            stages.down = error
        finally:
            stages.gate.release()

    async def _carry_out(self, tickets: Sequence[JobTicket], stages: _Stages) -> None:
        async with self._work(self._operation) as uow:
            found = await uow.documents.find_many([ticket.subject_id for ticket in tickets])
            if len(tickets) == 1 or sum(document.content.bytes for document in found if document) <= BATCH_BYTES:
                await self._ingest(uow, list(zip(tickets, found, strict=True)), stages)
                return
        middle = len(tickets) // 2
        await self._carry_out(tickets[:middle], stages)
        await self._carry_out(tickets[middle:], stages)

    async def _ingest(
        self, uow: KnowledgeWork, found: Sequence[tuple[JobTicket, Document | None]], stages: _Stages
    ) -> None:
        gone = [ticket for ticket, document in found if document is None]
        await asyncio.gather(*(uow.jobs.succeed(ticket, 0) for ticket in gone), return_exceptions=True)
        async with stages.preparing:
            items = await self._prepared([(ticket, document) for ticket, document in found if document is not None])
        async with stages.embedding:
            await self._embed(items)
        report = await self._writer.write(uow, items)
        report.dropped += len(gone)
        stages.count(len(found), report)

    async def _prepared(self, known: Sequence[tuple[JobTicket, Document]]) -> list[Item]:
        """What was tried too often, because each time its worker died, is not tried again."""
        hopeful = [document for ticket, document in known if ticket.attempts <= CLAIMS_MAX]
        outcomes = iter(await self._preparation.prepare(hopeful))
        return [
            Item(
                ticket,
                document,
                next(outcomes) if ticket.attempts <= CLAIMS_MAX else ExtractionFailed(ExtractionReason.CRASHED),
            )
            for ticket, document in known
        ]

    async def _embed(self, items: Sequence[Item]) -> None:
        """Give every prepared item its vectors. A text that brings the model down is found by going one by one."""
        prepared = [(item, item.outcome) for item in items if isinstance(item.outcome, Prepared)]
        try:
            vectors = await self._vectors(prepared)
        except Exception as error:
            for item, _ in prepared:
                if len(prepared) == 1 or isinstance(error, Unavailable):
                    item.outcome = error
                else:
                    await self._embed([item])
            return
        start = 0
        for item, outcome in prepared:
            item.vectors = vectors[start : start + len(outcome.chunks)]
            start += len(outcome.chunks)

    async def _vectors(self, prepared: Sequence[tuple[Item, Prepared]]) -> Matrix:
        texts = [chunk.embedded for _, outcome in prepared for chunk in outcome.chunks]
        parts: list[Matrix] = []
        for start in range(0, len(texts), TEXTS_PER_CALL):
            if start:
                await self._count(start, prepared)
            parts.append(await self._embedder.documents(texts[start : start + TEXTS_PER_CALL]))
        return np.concatenate(parts) if parts else np.empty((0, 0), dtype=np.float32)

    async def _count(self, done: int, prepared: Sequence[tuple[Item, Prepared]]) -> None:
        """Tell how far the documents are that take more than one call, and hold all claims meanwhile."""
        first = 0
        for item, outcome in prepared:
            chunks = len(outcome.chunks)
            if first < done and chunks > TEXTS_PER_CALL // 2:
                await self._queue.progress(item.ticket, min(done - first, chunks), chunks)
            first += chunks
        await self._queue.prolong([item.ticket for item, _ in prepared], self._clock.now())


def _batches(tickets: Sequence[JobTicket]) -> Iterator[Sequence[JobTicket]]:
    """Batches in order. What was tried too often before comes alone: it may bring the whole process down."""
    calm = [ticket for ticket in tickets if ticket.attempts < CLAIMS_MAX]
    for start in range(0, len(calm), BATCH):
        yield calm[start : start + BATCH]
    yield from ([ticket] for ticket in tickets if ticket.attempts >= CLAIMS_MAX)
