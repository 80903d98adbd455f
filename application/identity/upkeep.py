"""What of accounts is forgotten in time: links that nobody has used, and mails that could not be sent."""

from datetime import timedelta

from application.identity.mail_requests import ACCOUNT_MAIL
from application.identity.ports import IdentityWork
from application.shared.jobs import JobQueue
from application.shared.ports import Clock
from application.shared.settling import settled
from application.shared.unit_of_work import Operation, Work
from domain.shared.actor import system_actor

LINKS_KEPT = timedelta(days=1)
"""After their time: until then whoever registers may have the mail sent again."""
MAILS_KEPT = timedelta(days=7)
"""After they have failed: until then an administrator sees why, and may try again."""
AT_ONCE = 100


class IdentityUpkeep:
    """For one process of each database, now and then. Links that were used are gone already."""

    def __init__(self, work: Work[IdentityWork], queue: JobQueue, clock: Clock) -> None:
        self._work, self._queue, self._clock = work, queue, clock

    async def forget(self) -> bool:
        """Remove some of what is old enough; whether there may be more. Raises Unavailable when the store is down."""
        links = await settled(self._forget_links)
        mails = await self._queue.forget([ACCOUNT_MAIL], self._clock.now() - MAILS_KEPT, AT_ONCE)
        return AT_ONCE in (links, mails)

    async def _forget_links(self) -> int:
        async with self._work(Operation("link.expire", system_actor("links"))) as uow:
            now = self._clock.now()
            expired = await uow.one_time_tokens.expired(now - LINKS_KEPT, AT_ONCE)
            for token in expired:
                token.expire(now)
                uow.one_time_tokens.remove(token)
            return await uow.commit(len(expired))
