"""What is new in the journal, asked once for all loops of a process: mostly there is nothing for any of them."""

import asyncio
import time
from collections.abc import Set as AbstractSet

from application.shared.journal import STRETCH_MAX, Journal, Stretch

FRESH_SECONDS = 0.05
ENTRIES_MAX = 500


class JournalNews:
    """Followers of one process are about equally far, so what one of them asks answers the others too.

    What it says of the journal's head is at most `fresh` seconds old.
    """

    def __init__(self, journal: Journal, events: AbstractSet[str], fresh: float = FRESH_SECONDS) -> None:
        self._journal, self._events, self._fresh = journal, events, fresh
        self._turn = asyncio.Lock()
        self._head, self._asked = 0, float("-inf")
        self._known = Stretch(0, 0)

    async def head(self) -> int:
        """The last position that is known. Raises Unavailable."""
        if time.monotonic() - self._asked < self._fresh:
            return self._head
        async with self._turn:
            now = time.monotonic()
            if now - self._asked >= self._fresh:
                self._head, self._asked = await self._journal.head(), now
        return self._head

    async def after(self, position: int, events: AbstractSet[str]) -> Stretch:
        """What follows `position`, of the entries those with one of these events. Raises Unavailable."""
        head = await self.head()
        if position >= head:
            return Stretch(position, position)
        if self._known.begin <= position < self._known.end:
            return self._known.behind(position, events)
        async with self._turn:
            if position < self._known.begin:
                return await self._read(position, head, events)
            if self._known.end <= position < head:
                self._known = await self._read(position, head, self._events)
            return self._known.behind(position, events)

    async def _read(self, position: int, head: int, events: AbstractSet[str]) -> Stretch:
        until = min(head, position + STRETCH_MAX)
        found = await self._journal.after(position, ENTRIES_MAX, until=until, events=events)
        return Stretch(position, found[-1].position if len(found) == ENTRIES_MAX else until, found)
