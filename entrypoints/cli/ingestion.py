"""One run of `fastops ingest`: the next batch is read and handed in while the one before is ingested."""

import asyncio
import os
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from application.knowledge.views import DocumentView, Submission
from application.shared.jobs import JobTicket
from domain.knowledge.documents import DocumentStatus
from domain.shared.errors import FastOpsError, Invalid, TooLarge
from domain.shared.values import LIST_LIMIT_MAX, ListQuery, new_id
from entrypoints.cli.corpus import Source, batches, count, sources
from entrypoints.cli.errors import say
from entrypoints.cli.progress import Advance
from entrypoints.cli.service import Service
from entrypoints.worker.jobs import Claims, IngestWorker, log_report

WAIT_SECONDS = 1.0
OPEN = {DocumentStatus.QUEUED.value, DocumentStatus.PROCESSING.value}


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that did not become searchable, and the named reason."""

    name: str
    code: str
    detail: str


@dataclass(slots=True)
class Summary:
    """What became of everything that was read."""

    documents: int = 0
    unchanged: int = 0
    chunks: int = 0
    seconds: float = 0.0
    failures: list[Failure] = field(default_factory=list)

    def reasons(self) -> dict[str, int]:
        return dict(Counter(failure.code for failure in self.failures).most_common())


class Ingestion:
    """Hands in and ingests. Its claims are held by this process alone and let go when it is interrupted."""

    def __init__(self, service: Service, collection_id: UUID, advance: Advance) -> None:
        container = service.container
        self._actor, self._collection_id, self._advance = service.actor, collection_id, advance
        self._documents, self._ingest = container.knowledge.documents(), container.knowledge.ingest()
        self._queue, self._clock = container.persistence.job_queue(), container.persistence.clock()
        self._worker = f"cli:{socket.gethostname()[:50]}:{os.getpid()}:{new_id().hex[-8:]}"
        self._claims = Claims(self._queue, self._clock)
        self._names: dict[UUID, str] = {}
        self._summary = Summary()
        self._total = 0

    async def run(self, paths: Sequence[Path]) -> Summary:
        """Everything in `paths`, until each document is ready or has failed."""
        began = time.perf_counter()
        self._total = await asyncio.to_thread(count, paths)
        handed: asyncio.Queue[list[JobTicket] | None] = asyncio.Queue(maxsize=1)
        try:
            async with self._claims.held(), asyncio.TaskGroup() as group:
                group.create_task(self._hand_in(batches(sources(paths)), handed))
                group.create_task(self._work_off(handed))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        finally:
            await self._queue.let_go(self._worker)
        await self._settle()
        self._summary.seconds = round(time.perf_counter() - began, 2)
        return self._summary

    async def _hand_in(self, groups: Iterator[list[Source]], handed: "asyncio.Queue[list[JobTicket] | None]") -> None:
        while (group := await asyncio.to_thread(next, groups, None)) is not None:
            readable = [source for source in group if source.hand_in is not None]
            for source in group:
                if source.refusal is not None:
                    self._fail(source.name, source.refusal)
            tickets = [ticket for ticket in await self._submit(readable) if ticket is not None]
            self._claims.add(tickets)
            await handed.put(tickets)
        await handed.put(None)

    async def _submit(self, batch: Sequence[Source]) -> list[JobTicket | None]:
        """Hand a batch in with one commit; when one of it is refused, each alone, so that only that one fails."""
        hand_ins = [source.hand_in for source in batch if source.hand_in is not None]
        try:
            submissions = await self._documents.submit_many(
                self._actor, self._collection_id, hand_ins, worker=self._worker
            )
        except (Invalid, TooLarge) as error:
            if len(batch) == 1:
                self._fail(batch[0].name, error)
                return []
            return [ticket for source in batch for ticket in await self._submit([source])]
        return [self._taken(source, submission) for source, submission in zip(batch, submissions, strict=True)]

    def _taken(self, source: Source, submission: Submission) -> JobTicket | None:
        self._names[submission.document.id] = source.name
        self._summary.documents += 1
        if submission.existed:
            self._summary.unchanged += submission.document.status == DocumentStatus.READY.value
        return submission.ticket

    async def _work_off(self, handed: "asyncio.Queue[list[JobTicket] | None]") -> None:
        while (tickets := await handed.get()) is not None:
            if tickets:
                report = await self._ingest.run(tickets)
                log_report(report)
                self._summary.chunks += report.chunks
                self._claims.remove(tickets)
            self._advance(self._summary.documents + len(self._summary.failures), self._total)

    async def _settle(self) -> None:
        """Wait for documents that somebody else has claimed or that were put off, helping where claims are free."""
        helper = IngestWorker(self._queue, self._clock, self._ingest.run, self._worker)
        told = False
        while waiting := [view for status in sorted(OPEN) for view in await self._mine(status)]:
            if await helper.step():
                continue
            if not told:
                say(f"Waiting for {len(waiting)} documents that another process has claimed or that will be retried.")
                told = True
            await asyncio.sleep(WAIT_SECONDS)
        for view in await self._mine(DocumentStatus.FAILED.value):
            failure = Failure(self._names[view.id], view.error_code or "failed", view.error_detail or "")
            self._summary.failures.append(failure)

    async def _mine(self, status: str) -> list[DocumentView]:
        found: list[DocumentView] = []
        query = ListQuery(limit=LIST_LIMIT_MAX, filters={"status": status})
        while True:
            page = await self._documents.page(self._actor, self._collection_id, query)
            found += [view for view in page.items if view.id in self._names]
            if page.next is None:
                return found
            query = ListQuery(limit=LIST_LIMIT_MAX, filters={"status": status}, cursor=page.next)

    def _fail(self, name: str, error: FastOpsError) -> None:
        violation = next(iter(error.violations), None)
        detail = f"{error.detail} {violation.detail}" if violation else error.detail
        self._summary.failures.append(Failure(name, violation.code if violation else error.code, detail))


def figures(summary: Summary, collection: str) -> dict[str, Any]:
    """The summary as data."""
    return {
        "collection": collection,
        "documents": summary.documents,
        "unchanged": summary.unchanged,
        "chunks": summary.chunks,
        "failed": len(summary.failures),
        "reasons": summary.reasons(),
        "seconds": summary.seconds,
    }
