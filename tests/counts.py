"""The storages of counts under test, each with a time that tests move."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.limits.memory import MemoryCounts
from adapters.limits.redis import RedisCounts


class Seconds:
    """Seconds since 1970, standing still until a test moves them."""

    def __init__(self) -> None:
        self.passed = time.time()

    def __call__(self) -> float:
        return self.passed


@dataclass
class Counting:
    """One place to count in. `another` is the same place as a further process sees it."""

    counts: Any
    another: Callable[[], Any]
    seconds: Seconds
    _made: list[Any] = field(default_factory=list)

    async def forward(self, seconds: float) -> None:
        """Let time pass: for the library by its clock, in Redis by taking it off what each key has to live."""
        self.seconds.passed += seconds
        if isinstance(self.counts, RedisCounts):
            client: Any = self.counts.bridge.get_connection()
            async for key in client.scan_iter():
                await client.pexpire(key, await client.pttl(key) - round(seconds * 1000))


@asynccontextmanager
async def counting(redis_url: str | None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Counting]:
    """Counts in Redis, or in memory for None."""
    seconds = Seconds()
    if redis_url is None:
        counts = MemoryCounts(seconds)
        yield Counting(counts, lambda: counts, seconds)
        return
    monkeypatch.setattr(time, "time", seconds)
    opened: list[RedisCounts] = []

    def another() -> RedisCounts:
        opened.append(RedisCounts(redis_url))
        return opened[-1]

    yield Counting(another(), another, seconds)
    for made in opened:
        await made.close()
