"""The epoch of rights: read again every quarter of a second, while requests go on by the number that is known."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import select

from adapters.persistence.sqlalchemy.engine import Database
from adapters.persistence.sqlalchemy.tables.identity import RIGHTS, epochs
from domain.shared.errors import Unavailable

FRESH_SECONDS: Final = 0.25
USABLE_SECONDS: Final = 0.75
READ_SECONDS: Final = 1.0
_NUMBER = select(epochs.c.number).where(epochs.c.name == RIGHTS)


class SqlRightsEpoch:
    """The port `RightsEpoch`. Nothing runs while nobody asks, so there is no loop that could die unnoticed."""

    def __init__(self, database: Database, now: Callable[[], float] = time.monotonic) -> None:
        self._database, self._now = database, now
        self._number, self._read_at = -1, float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def current(self) -> int:
        age = self._now() - self._read_at
        if age >= FRESH_SECONDS:
            reading = self._begin()
            if age >= USABLE_SECONDS:
                await self._finish(reading)
        return self._number

    def moved(self) -> None:
        """Have the number read anew before it is used again: this process has just changed rights."""
        self._read_at, self._reading = float("-inf"), None

    def _begin(self) -> "asyncio.Task[None]":
        """The reading that is under way, or a new one."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(), name="rights epoch")
            self._reading.add_done_callback(_retrieved)
        return self._reading

    async def _read(self) -> None:
        began = self._now()
        reading = asyncio.current_task()
        found = await self._database.rows(_NUMBER, {})
        if not found:  # the schema put it there; without it nobody could be judged
            raise Unavailable("database_unavailable", "The database does not say what rights there are.")
        if self._reading is reading:
            self._number, self._read_at = int(found[0][0]), began

    @staticmethod
    async def _finish(reading: "asyncio.Task[None]") -> None:
        try:
            async with asyncio.timeout(READ_SECONDS):
                await asyncio.shield(reading)
        except TimeoutError:
            detail = "The database does not say what rights there are; try again."
            raise Unavailable("database_unavailable", detail, retry_after=1.0) from None


def _retrieved(reading: "asyncio.Task[None]") -> None:
    """Whoever waits hears of a failed reading; where nobody does, the next request tries again."""
    if not reading.cancelled():
        reading.exception()
