"""The port `RateLimiter`: never more than the allowance in any stretch of time, and true words about what is left."""

import asyncio
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.limits.memory import MemoryCounts
from adapters.limits.windows import NoRateLimiter, OwnRateLimiter, WindowRateLimiter
from application.shared.limits import Allowance
from tests.counts import Counting, counting

TEN = Allowance("ten", 10, 60)
WAITS, UNITS = st.floats(0, 90), st.integers(1, 10)
PROPERTY = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def limiter(place: Counting) -> WindowRateLimiter:
    """As it is wired: what is counted in this process needs no library between."""
    return (OwnRateLimiter if isinstance(place.counts, MemoryCounts) else WindowRateLimiter)(place.counts)


async def spent(limiter: WindowRateLimiter, units: int = 1, caller: str = "ada") -> bool:
    return (await limiter.spend(TEN, caller, units)).wait is None


async def test_the_allowance_is_let_in_and_no_more(limiter: WindowRateLimiter) -> None:
    balances = [await limiter.spend(TEN, "ada", 1) for _ in range(12)]
    assert [balance.wait is None for balance in balances] == [True] * 10 + [False] * 2
    assert [balance.remaining for balance in balances] == [*range(9, -1, -1), 0, 0]
    assert all(balance.shared and balance.allowance == TEN for balance in balances)


async def test_what_is_refused_is_not_counted(limiter: WindowRateLimiter) -> None:
    assert await spent(limiter, 7)
    for _ in range(5):
        refused = await limiter.spend(TEN, "ada", 4)
        assert refused.wait is not None
        assert refused.remaining == 3
    assert await spent(limiter, 3)


async def test_callers_and_allowances_do_not_touch_each_other(limiter: WindowRateLimiter) -> None:
    assert await spent(limiter, 10)
    assert await spent(limiter, 10, "eve")
    assert (await limiter.spend(Allowance("other", 10, 60), "ada", 10)).wait is None
    assert not await spent(limiter)


async def test_units_come_back_as_they_were_spent(place: Counting, limiter: WindowRateLimiter) -> None:
    await spent(limiter, 4)
    await place.forward(30)
    await spent(limiter, 6)
    await place.forward(25)
    refused = await limiter.spend(TEN, "ada", 1)
    assert 5 < refused.reset < 5.1
    await place.forward(refused.reset)
    assert not await spent(limiter, 5)
    assert await spent(limiter, 4)


@pytest.mark.parametrize("units", range(1, 11))
async def test_after_the_told_wait_the_same_units_are_let_in_and_not_before(
    place: Counting, limiter: WindowRateLimiter, units: int
) -> None:
    for cost in (3, 1, 4, 2):
        await spent(limiter, cost)
        await place.forward(7)
    refused = await limiter.spend(TEN, "ada", units)
    assert refused.wait is not None
    assert refused.wait >= refused.reset
    await place.forward(refused.wait - 0.1)
    assert not await spent(limiter, units)
    await place.forward(0.1)
    assert await spent(limiter, units)


async def test_a_clock_that_is_set_back_makes_nobody_wait_longer_than_a_window(
    place: Counting, limiter: WindowRateLimiter
) -> None:
    await spent(limiter, 10)
    place.seconds.passed -= 600
    refused = await limiter.spend(TEN, "ada", 1)
    assert refused.wait is not None
    assert refused.wait <= TEN.seconds


async def test_processes_at_once_share_one_allowance(place: Counting) -> None:
    limiters = [WindowRateLimiter(place.another()) for _ in range(3)]
    told = await asyncio.gather(*(limiters[n % 3].spend(TEN, "ada", 1) for n in range(60)))
    assert sum(balance.wait is None for balance in told) == TEN.units


async def test_switched_off_nothing_is_limited() -> None:
    assert [await NoRateLimiter().spend(TEN, "ada", 10) for _ in range(5)] == [None] * 5


def most_in_a_window(admitted: list[tuple[float, int]]) -> int:
    """The most units that lie within one window; it is enough to look at those that begin with an entry."""
    return max(sum(units for at, units in admitted if start <= at < start + TEN.seconds) for start, _ in admitted)


@pytest.fixture(params=["memory", "redis"])
def url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("redis_url") if request.param == "redis" else None


@PROPERTY
@given(steps=st.lists(st.tuples(WAITS, st.lists(UNITS, min_size=1, max_size=5)), min_size=1, max_size=12))
def test_no_window_ever_holds_more_than_the_allowance(
    url: str | None, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[float, list[int]]]
) -> None:
    """Each step waits, then spends from two processes at once."""

    async def check() -> None:
        admitted: list[tuple[float, int]] = []
        caller = uuid4().hex
        with monkeypatch.context() as patches:
            async with counting(url, patches) as place:
                limiters = [WindowRateLimiter(place.another()) for _ in range(2)]
                for wait, batch in steps:
                    await place.forward(wait)
                    told = await asyncio.gather(
                        *(limiters[n % 2].spend(TEN, caller, units) for n, units in enumerate(batch))
                    )
                    now = place.seconds.passed
                    admitted += [(now, units) for units, seen in zip(batch, told, strict=True) if seen.wait is None]
        assert most_in_a_window(admitted) <= TEN.units

    asyncio.run(check())


@PROPERTY
@given(steps=st.lists(st.tuples(WAITS, UNITS), min_size=1, max_size=20))
def test_whatever_fits_is_let_in(
    url: str | None, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[float, int]]
) -> None:
    async def check() -> None:
        admitted: list[tuple[float, int]] = []
        caller = uuid4().hex
        with monkeypatch.context() as patches:
            async with counting(url, patches) as place:
                limiter = WindowRateLimiter(place.counts)
                for wait, units in steps:
                    await place.forward(wait)
                    now = place.seconds.passed
                    fits = sum(kept for at, kept in admitted if at >= now - TEN.seconds) + units <= TEN.units
                    assert await spent(limiter, units, caller) is fits
                    admitted += [(now, units)] if fits else []

    asyncio.run(check())
