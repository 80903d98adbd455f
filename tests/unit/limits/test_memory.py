"""Counts in memory: bounded, whatever comes in, and without what is over."""

import pytest

from adapters.limits import memory
from adapters.limits.memory import MemoryCounts
from adapters.limits.windows import WindowRateLimiter
from application.shared.limits import Allowance
from tests.counts import Seconds
from tests.identity_services import a_throttle

TEN = Allowance("ten", 10, 60)


async def test_keys_are_bounded_and_those_left_alone_longest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "KEYS_MAX", 10)
    counts = MemoryCounts(Seconds())
    limiter = WindowRateLimiter(counts)
    for n in range(50):
        await limiter.spend(TEN, "busy", 1 if n < 10 else 0)
        await limiter.spend(TEN, f"caller {n}", 10)
    assert (await limiter.spend(TEN, "busy", 1)).wait is not None
    assert (await limiter.spend(TEN, "caller 0", 1)).wait is None
    assert await counts.reset() == 10


async def test_long_names_of_accounts_cost_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "KEYS_MAX", 10)
    throttle = a_throttle()
    for n in range(50):
        await throttle.arrive(f"10.0.0.{n}", f"{n}" * 10_000)
        await throttle.succeeded(f"10.0.0.{n}", f"{n}" * 10_000)
    kept = [*throttle._counts._counters, *throttle._known._counters]
    assert len(kept) == 20
    assert max(len(key) for key in kept) < 200


async def test_what_is_over_is_forgotten_while_others_come_in() -> None:
    seconds = Seconds()
    counts = MemoryCounts(seconds)
    limiter = WindowRateLimiter(counts)
    for n in range(100):
        await limiter.spend(TEN, f"caller {n}", 1)
    seconds.passed += 61
    for n in range(100):
        await limiter.spend(TEN, f"late {n}", 1)
    assert await counts.reset() == 100


async def test_a_counter_never_falls_below_nothing() -> None:
    counts = MemoryCounts(Seconds())
    assert await counts.incr("key", 60, -5) == 0
    assert await counts.incr("key", 60, 1) == 1
