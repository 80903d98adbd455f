"""Whether a server that was asked something may be hanging, so that nobody else should wait for it as long."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

DOUBT_AFTER_SECONDS: Final = 1.0
SECONDS_IN_DOUBT: Final = 0.5


class Doubt:
    """Gives calls their time: all of it, or half a second once the server has answered nobody for one second.

    A request may make several calls, and each that fails may be followed by another one, such as a look at what is kept
    for repeats. Any answer ends the doubt.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._asked = 0
        self._silent_since = float("inf")

    def heard(self) -> None:
        """The server has answered somebody; it also does when it lets a new connection in."""
        self._silent_since = self._now() if self._asked else float("inf")

    def seconds(self, usual: float | None) -> float | None:
        """How long to wait at this moment."""
        return SECONDS_IN_DOUBT if self._now() - self._silent_since > DOUBT_AFTER_SECONDS else usual

    @asynccontextmanager
    async def limit(self, seconds: float | None) -> AsyncIterator[None]:
        """Raises TimeoutError where what is inside takes too long."""
        try:
            async with asyncio.timeout(self.seconds(seconds)):
                yield
        except TimeoutError:
            self._silent_since = float("-inf")
            raise

    @asynccontextmanager
    async def call(self, seconds: float | None) -> AsyncIterator[None]:
        """The same for a call of which the server has to answer each statement."""
        self._asked += 1
        self._silent_since = min(self._silent_since, self._now())
        is_heard = True
        try:
            async with self.limit(seconds):
                yield
        except TimeoutError:
            is_heard = False
            raise
        finally:
            self._asked -= 1
            if is_heard:
                self.heard()
