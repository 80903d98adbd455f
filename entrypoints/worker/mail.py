"""Mail work: claims what was asked for and hands it to the use case, some at a time."""

import asyncio
from collections.abc import Awaitable, Callable

from loguru import logger

from application.identity.mail_requests import ACCOUNT_MAIL
from application.shared.jobs import JobQueue, JobTicket
from application.shared.ports import Clock

MAIL_KINDS = (ACCOUNT_MAIL,)
MAILS_PER_CLAIM = 8
MAIL_EVERY = 1.0

Deliver = Callable[[JobTicket], Awaitable[None]]


class MailWorker:
    """Every process of a service sends mails; a claim makes each of them one process's. `worker` names this one."""

    def __init__(self, queue: JobQueue, clock: Clock, deliver: Deliver, worker: str) -> None:
        self._queue, self._clock, self._deliver, self._worker = queue, clock, deliver, worker

    async def step(self) -> bool:
        """Claim and send some mails; whether there may be more."""
        tickets = await self._queue.claim(self._worker, MAIL_KINDS, MAILS_PER_CLAIM, self._clock.now())
        results = await asyncio.gather(*(self._deliver(ticket) for ticket in tickets), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):  # the lease runs out, and it is tried again
                logger.opt(exception=result).error("a mail could not be sent because of a defect")
        return len(tickets) == MAILS_PER_CLAIM
