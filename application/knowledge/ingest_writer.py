"""How the outcome of ingestion is written: chunks, document and end of job in one commit, fenced by the claim."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from application.knowledge.ports import KnowledgeWork, NewChunk
from application.knowledge.preparation import Prepared
from application.knowledge.retrieval import Matrix
from application.shared.jobs import JobTicket
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Work
from domain.knowledge.documents import Document
from domain.knowledge.errors import ExtractionFailed
from domain.shared.errors import FastOpsError, NotFound, StaleVersion
from domain.shared.values import new_id

DETAIL_MAX = 500


@dataclass(slots=True)
class IngestReport:
    """What became of the tickets. `dropped` ones were lost to another worker, or their document is gone or replaced.

    `errors` are those that are no refusals: defects, for whoever runs this to log.
    """

    ready: int = 0
    failed: int = 0
    later: int = 0
    dropped: int = 0
    chunks: int = 0
    errors: list[Exception] = field(default_factory=list)

    def add(self, other: "IngestReport") -> None:
        for member in fields(self):
            setattr(self, member.name, getattr(self, member.name) + getattr(other, member.name))


@dataclass(slots=True)
class Item:
    """One ticket on its way. `outcome` is what preparation gave, or the error that ended it; vectors (n, dimension).

    The claim vouches for what the outcome was made from: new content or a new title takes it away.
    """

    ticket: JobTicket
    document: Document
    outcome: Prepared | Exception
    vectors: Matrix = field(default_factory=lambda: np.empty((0, 0), dtype=np.float32))


class IngestWriter:
    """Writes items of one batch together, and one by one where something moved meanwhile."""

    def __init__(self, work: Work[KnowledgeWork], operation: Operation, clock: Clock, index_version: str) -> None:
        self._work, self._operation, self._clock, self._index_version = work, operation, clock, index_version

    async def write(self, uow: KnowledgeWork, items: Sequence[Item]) -> IngestReport:
        """Commit all items with `uow`, which holds their documents. Raises Unavailable when the store is down."""
        report = IngestReport()
        try:
            await uow.jobs.read([item.ticket for item in items])
            await together([self._write(uow, item, item.document, report) for item in items])
            await uow.commit(None)
        except StaleVersion:
            report = IngestReport()
            for item in items:
                report.add(await self._write_alone(item))
        return report

    async def _write_alone(self, item: Item) -> IngestReport:
        report = IngestReport()
        try:
            async with self._work(self._operation) as uow:
                document = await uow.documents.find(item.ticket.subject_id)
                if document is None:
                    return IngestReport(dropped=1)
                await self._write(uow, item, document, report)
                await uow.commit(None)
        except StaleVersion:
            return IngestReport(dropped=1)
        return report

    async def _write(self, uow: KnowledgeWork, item: Item, document: Document, report: IngestReport) -> None:
        """Collect one item's end. The claim is asked first: without it nothing of the item is written."""
        try:
            if isinstance(item.outcome, Prepared):
                await uow.jobs.succeed(item.ticket, len(item.outcome.chunks))
                self._ready(uow, item, document, item.outcome, report)
            else:
                await self._end(uow, item, document, item.outcome, report)
        except (StaleVersion, NotFound):
            report.dropped += 1

    def _ready(
        self, uow: KnowledgeWork, item: Item, document: Document, outcome: Prepared, report: IngestReport
    ) -> None:
        extract = outcome.extract
        uow.chunks.replace(document, _rows(outcome, item.vectors), self._index_version)
        document.ready(
            chunk_count=len(outcome.chunks),
            media_type=extract.media_type,
            title=extract.title,
            at=self._clock.now(),
        )
        report.ready += 1
        report.chunks += len(outcome.chunks)

    async def _end(
        self, uow: KnowledgeWork, item: Item, document: Document, error: Exception, report: IngestReport
    ) -> None:
        """Try again later what may work then; what will not, and what was tried too often, failed for good."""
        code, detail = _reason(error)
        if not isinstance(error, FastOpsError):
            report.errors.append(error)
        hopeless = isinstance(error, (ExtractionFailed, NotFound))
        if not hopeless and await uow.jobs.retry_later(item.ticket, code, detail):
            report.later += 1
            return
        if hopeless:
            await uow.jobs.fail(item.ticket, code, detail)
        uow.chunks.remove(document.id)
        document.fail(code=code, detail=detail, at=self._clock.now())
        report.failed += 1


async def together(calls: Sequence[Awaitable[None]]) -> None:
    """Await all of them, then raise the first error: none is still at work when the unit of work ends."""
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    for outcome in outcomes:
        if outcome is not None:
            raise outcome


def _rows(outcome: Prepared, vectors: Matrix) -> list[NewChunk]:
    return [
        NewChunk(
            id=new_id(),
            ordinal=ordinal,
            text=chunk.text,
            headings=chunk.headings,
            page=chunk.page,
            start=chunk.start,
            end=chunk.end,
            vector=vectors[ordinal].tobytes(),
            terms=outcome.terms[ordinal],
        )
        for ordinal, chunk in enumerate(outcome.chunks)
    ]


def _reason(error: Exception) -> tuple[str, str]:
    """The code and the sentence that the document shows. What is no refusal tells nothing of the machine."""
    if isinstance(error, FastOpsError):
        return error.code, error.detail[:DETAIL_MAX]
    return "ingest_error", "Something went wrong inside the service while this was read; it is tried again."
