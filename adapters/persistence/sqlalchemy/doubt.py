"""Whether a server that was asked something may be hanging, so that nobody else should wait for it as long."""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final

DOUBT_AFTER_SECONDS: Final = 1.0
SECONDS_IN_DOUBT: Final = 0.5


class Doubt:
    """Gives calls their time: all of it, or half a second once the server has answered nobody for one second.

    A request may make several calls, and each that fails may be followed by another one, such as a look at what is kept
    for repeats. Any answer ends the doubt, a refusal too.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._asked = 0
        self._silent_since = float("inf")

    def heard(self) -> None:
        """The server has answered somebody; it also does when it lets a new connection in."""
        self._silent_since = self._now() if self._asked else float("inf")

    def gave_up(self) -> None:
        """Somebody has waited in vain."""
        self._silent_since = float("-inf")

    def seconds(self, usual: float | None) -> float | None:
        """How long to wait at this moment."""
        return SECONDS_IN_DOUBT if self._now() - self._silent_since > DOUBT_AFTER_SECONDS else usual

    def limit(self, seconds: float | None) -> "Limit":
        """Entered by whoever waits for the server; raises TimeoutError where that takes too long."""
        return Limit(self, seconds)

    def call(self, seconds: float | None) -> "Call":
        """The same for a call of which the server has to answer each statement."""
        return Call(self, seconds)

    def asks(self) -> None:
        self._asked += 1
        self._silent_since = min(self._silent_since, self._now())

    def asked(self, *, is_heard: bool) -> None:
        """The end of what began with `asks`."""
        self._asked -= 1
        if is_heard:
            self.heard()


class Limit:
    """A class and no generator, because every read goes through it."""

    __slots__ = ("_doubt", "_seconds", "_timeout")

    def __init__(self, doubt: Doubt, seconds: float | None) -> None:
        self._doubt, self._seconds = doubt, seconds

    async def __aenter__(self) -> None:
        self._timeout = asyncio.timeout(self._doubt.seconds(self._seconds))
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            self._doubt.gave_up()
            raise
        if isinstance(error, TimeoutError):
            self._doubt.gave_up()


class Call(Limit):
    __slots__ = ()

    async def __aenter__(self) -> None:
        await super().__aenter__()
        self._doubt.asks()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_heard = not isinstance(error, TimeoutError)
        try:
            await super().__aexit__(kind, error, trace)
        except TimeoutError:
            is_heard = False
            raise
        finally:
            self._doubt.asked(is_heard=is_heard)
