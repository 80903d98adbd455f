"""Carries out what follows from journal entries: at least once, in order of each target, past whatever fails."""

import time
from dataclasses import replace
from datetime import timedelta

from loguru import logger

from adapters.telemetry.logging import correlated
from application.shared.journal import ATTEMPTS_MAX, JournalEntry, Reaction, SetAside, Target
from domain.shared.errors import FastOpsError, StorageFull, Unavailable
from entrypoints.worker.journal import JournalDuty, JournalParts
from entrypoints.worker.news import JournalNews

RETRIES_PER_PASS = 100
RETRY_EVERY = 1.0
POSITION_KEPT_EVERY = 10_000
"""Entries that concern nobody before their position is written all the same; a restart looks at them again."""
POSITION_KEPT_AFTER = 5.0
"""Seconds after which a position is written when nothing happens, so that an operator sees how far things are."""


class ReactionFollower:
    """Follows the journal for one reaction, from a position of its own.

    An entry that fails is set aside and tried again with growing distance. Later entries of its target wait behind it,
    all others go on. After `ATTEMPTS_MAX` failures it is poison and waits for an operator. A part that is down is no
    fault of the entry: everything waits for it.
    """

    def __init__(self, reaction: Reaction, parts: JournalParts, duty: JournalDuty, news: JournalNews) -> None:
        self._reaction, self._parts, self._duty, self._news = reaction, parts, duty, news
        self._name = reaction.follower
        self._done: int | None = None
        self._kept, self._kept_at = 0, 0.0
        self._blocked: set[Target] = set()
        self._retried = float("-inf")

    async def step(self) -> bool:
        if not await self._duty.is_mine():
            self._done = None
            return False
        done = await self._resume() if self._done is None else self._done
        retried = await self._retry()
        news = await self._news.after(done, self._reaction.events)
        for entry in news.entries:
            await self._take(entry)
            self._done = entry.position
            await self._keep(entry.position)
        self._done = news.end
        overdue = time.monotonic() - self._kept_at >= POSITION_KEPT_AFTER
        if overdue or news.end - self._kept >= POSITION_KEPT_EVERY:
            await self._keep(news.end)
        return retried or news.end < await self._news.head()

    async def _resume(self) -> int:
        """Take over where the last holder of the duty was."""
        self._done = self._kept = await self._parts.positions.read(self._name)
        self._blocked = await self._parts.set_asides.targets(self._name)
        self._kept_at, self._retried = time.monotonic(), float("-inf")
        return self._done

    async def _keep(self, position: int) -> None:
        if position > self._kept:
            await self._parts.positions.move(self._name, position)
        self._kept, self._kept_at = position, time.monotonic()

    async def _take(self, entry: JournalEntry) -> None:
        """Handle the entry, or set it aside."""
        if entry.target in self._blocked:
            await self._set_aside(entry, attempts=0, error="waits")
        elif failure := await self._failure(entry):
            await self._set_aside(entry, attempts=1, error=failure)

    async def _failure(self, entry: JournalEntry) -> str | None:
        """Handle all events of the entry; the code or class of what went wrong. Raises Unavailable and StorageFull."""
        try:
            with correlated(entry.request_id):
                for event in entry.events:
                    if event.name in self._reaction.events:
                        await self._reaction.handle(entry, event)
        except (Unavailable, StorageFull):
            raise
        except Exception as error:  # whatever it is, the other targets must go on
            bound = logger.bind(follower=self._name, position=entry.position)
            bound.opt(exception=error).error("entry set aside")
            return error.code if isinstance(error, FastOpsError) else type(error).__name__
        return None

    async def _set_aside(self, entry: JournalEntry, *, attempts: int, error: str) -> None:
        now = self._parts.clock.now()
        item = SetAside(
            follower=self._name,
            position=entry.position,
            target_type=entry.target_type,
            target_id=entry.target_id,
            attempts=attempts,
            error=error,
            at=now,
            retry_at=now + _distance(attempts),
        )
        await self._parts.set_asides.put(item)
        self._blocked.add(entry.target)

    async def _retry(self) -> bool:
        """Try what is due; whether anything was. What succeeds lets the next entry of its target follow at once."""
        if not self._blocked or time.monotonic() - self._retried < RETRY_EVERY:
            return False
        items = await self._parts.set_asides.due(self._name, self._parts.clock.now(), RETRIES_PER_PASS)
        for item in items:
            await self._try_again(item)
        self._blocked = await self._parts.set_asides.targets(self._name)
        if not items:
            self._retried = time.monotonic()
        return bool(items)

    async def _try_again(self, item: SetAside) -> None:
        found = await self._parts.journal.after(item.position - 1, 1)
        failure = await self._failure(found[0]) if found and found[0].position == item.position else None
        if failure is None:
            await self._parts.set_asides.remove(self._name, item.position)
            return
        attempts = item.attempts + 1
        retry_at = self._parts.clock.now() + _distance(attempts)
        await self._parts.set_asides.put(replace(item, attempts=attempts, error=failure, retry_at=retry_at))
        if attempts == ATTEMPTS_MAX:
            logger.bind(follower=self._name, position=item.position).error("entry is poison and waits for an operator")


def _distance(attempts: int) -> timedelta:
    """How long after so many failures the next attempt comes."""
    return timedelta(seconds=2**attempts if attempts else 0)
