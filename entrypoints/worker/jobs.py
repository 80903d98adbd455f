"""Ingest work: claims queued documents, several at a time, and holds the claims until they are done."""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID

from loguru import logger

from application.knowledge.ingest_writer import IngestReport
from application.shared.jobs import JobQueue, JobTicket
from application.shared.ports import Clock
from domain.shared.errors import FastOpsError

INGEST_KINDS = ("ingest",)
TICKETS_PER_CLAIM = 32
PROLONG_EVERY = 20.0
LOOK_EVERY = 0.5
SUSPICIOUS_ATTEMPTS = 3
"""A document that was claimed so often without an end may have brought its worker down: it is taken alone."""

Ingest = Callable[[Sequence[JobTicket]], Awaitable[IngestReport]]


def worker_name(data_dir: Path) -> str:
    """The same for every ingest process of one data directory, so that a new one can take over from a killed one."""
    folder = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:12]
    return f"ingest:{socket.gethostname()[:60]}:{folder}"


class Claims:
    """The tickets that this process holds; their leases are prolonged as long as `held` is entered."""

    def __init__(self, queue: JobQueue, clock: Clock) -> None:
        self._queue, self._clock = queue, clock
        self._tickets: dict[UUID, JobTicket] = {}

    def add(self, tickets: Sequence[JobTicket]) -> None:
        self._tickets.update((ticket.id, ticket) for ticket in tickets)

    def remove(self, tickets: Sequence[JobTicket]) -> None:
        for ticket in tickets:
            self._tickets.pop(ticket.id, None)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._prolong(), name="prolong claims")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _prolong(self) -> None:
        while True:
            await asyncio.sleep(PROLONG_EVERY)
            try:
                await self._queue.prolong(list(self._tickets.values()), self._clock.now())
            except FastOpsError as error:
                logger.bind(code=error.code).warning("claims could not be prolonged")


class IngestWorker:
    """Takes tickets as long as there are any. `worker` names this process in the claims."""

    def __init__(self, queue: JobQueue, clock: Clock, ingest: Ingest, worker: str) -> None:
        self._queue, self._clock, self._ingest, self.worker = queue, clock, ingest, worker

    async def step(self) -> bool:
        """Claim and ingest some documents; whether there were any."""
        tickets = await self._queue.claim(self.worker, INGEST_KINDS, TICKETS_PER_CLAIM, self._clock.now())
        if not tickets:
            return False
        claims = Claims(self._queue, self._clock)
        claims.add(tickets)
        async with claims.held():
            for group in _groups(tickets):
                report = await self._ingest(group)
                claims.remove(group)
                log_report(report)
        return True


def log_report(report: IngestReport) -> None:
    """One line for the batch, and one for each defect that it met."""
    bound = logger.bind(documents=report.ready, failed=report.failed, later=report.later, dropped=report.dropped)
    bound.info("documents ingested")
    for error in report.errors:
        logger.opt(exception=error).error("a document could not be ingested because of a defect")


def _groups(tickets: Sequence[JobTicket]) -> list[Sequence[JobTicket]]:
    fresh = [ticket for ticket in tickets if ticket.attempts < SUSPICIOUS_ATTEMPTS]
    alone = [[ticket] for ticket in tickets if ticket.attempts >= SUSPICIOUS_ATTEMPTS]
    return [group for group in (fresh, *alone) if group]
