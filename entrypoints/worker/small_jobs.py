"""Small jobs, done by the service itself: mails and exports. Ingestion has a process of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from loguru import logger

from application.shared.jobs import JobQueue, JobTicket
from application.shared.ports import Clock

JOBS_PER_CLAIM = 8
SMALL_JOBS_EVERY = 1.0

Handler = Callable[[JobTicket], Awaitable[None]]


class SmallJobWorker:
    """Every process of a service works; a claim makes each job one process's. `worker` names this one."""

    def __init__(self, queue: JobQueue, clock: Clock, handlers: Mapping[str, Handler], worker: str) -> None:
        self._queue, self._clock, self._handlers, self._worker = queue, clock, handlers, worker

    async def step(self) -> bool:
        """Claim and do some jobs; whether there may be more."""
        tickets = await self._queue.claim(self._worker, list(self._handlers), JOBS_PER_CLAIM, self._clock.now())
        done = (self._handlers[ticket.kind](ticket) for ticket in tickets)
        for ticket, result in zip(tickets, await asyncio.gather(*done, return_exceptions=True), strict=True):
            if isinstance(result, BaseException):  # the lease runs out, and it is tried again
                logger.opt(exception=result).error("a job of kind {} ended in a defect", ticket.kind)
        return len(tickets) == JOBS_PER_CLAIM
