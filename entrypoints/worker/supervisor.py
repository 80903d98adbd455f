"""Loops that no error ends: a failing step is logged, waited out with growing distance, and tried again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from loguru import logger

from domain.shared.errors import FastOpsError

LONGEST_WAIT = 5.0
DOUBLINGS_MAX = 10
GRACE = 10.0
"""Seconds that running steps have to finish when the process stops."""

Step = Callable[[], Awaitable[bool]]
"""One pass of a loop; True says that more work is waiting, so the next pass follows at once."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A named step that is repeated every `pause` seconds."""

    name: str
    step: Step
    pause: float


class Supervisor:
    """Runs loops as tasks of the running event loop until `stop`."""

    def __init__(self) -> None:
        self._stopping = False
        self._resting: set[asyncio.Future[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, loop: Loop) -> None:
        self._tasks.append(asyncio.create_task(self._repeat(loop), name=loop.name))

    async def stop(self) -> None:
        """Let each running step finish, for `GRACE` seconds at most, then cancel what is left."""
        self._stopping = True
        for rest in self._resting:
            _end(rest)
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=GRACE)
        for task in late:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _repeat(self, loop: Loop) -> None:
        failures = 0
        while not self._stopping:
            try:
                more = await loop.step()
            except Exception as error:  # whatever it was, the loop must live on
                failures += 1
                if failures == 1 or failures % 20 == 0:
                    _report(loop.name, error, failures)
                await self._rest(min(loop.pause * 2 ** min(failures, DOUBLINGS_MAX), LONGEST_WAIT))
                continue
            if failures:
                logger.bind(loop=loop.name, attempts=failures).info("loop works again")
            failures = 0
            await self._rest(0 if more else loop.pause)

    async def _rest(self, seconds: float) -> None:
        """Wait, or return at once when the process stops."""
        loop = asyncio.get_running_loop()
        rest = loop.create_future()
        self._resting.add(rest)
        timer = loop.call_later(seconds, _end, rest)
        try:
            if not self._stopping:
                await rest
        finally:
            timer.cancel()
            self._resting.remove(rest)


def _end(rest: "asyncio.Future[None]") -> None:
    if not rest.done():
        rest.set_result(None)


def _report(name: str, error: Exception, failures: int) -> None:
    bound = logger.bind(loop=name, attempts=failures)
    if isinstance(error, FastOpsError):
        bound.bind(code=error.code).warning("loop waits: {}", error.detail)
    else:
        bound.opt(exception=error).error("loop failed, tries again")
