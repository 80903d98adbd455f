"""The port `RateLimiter` on any storage of the library `limits` that counts over moving windows."""

from functools import cache
from typing import TYPE_CHECKING

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.strategies import MovingWindowRateLimiter

from adapters.limits.memory import MemoryCounts
from application.shared.limits import Allowance, Balance

if TYPE_CHECKING:
    from adapters.limits.redis import RedisCounts

A_MOMENT = 0.001
"""The window includes both its ends, so what leaves it is gone a moment later."""


class WindowRateLimiter:
    """Exact over every stretch of time, because each admitted unit is kept until its time is over."""

    def __init__(self, counts: "MemoryCounts | RedisCounts") -> None:
        self._counts = counts
        self._limiter = MovingWindowRateLimiter(counts)

    async def spend(self, allowance: Allowance, caller: str, units: int) -> Balance:
        item = item_of(allowance)
        admitted = await self._limiter.hit(item, caller, cost=units)
        ends, remaining = await self._limiter.get_window_stats(item, caller)
        wait = None if admitted else await self._wait(item, caller, units)
        return Balance(allowance, max(0, remaining), self._until(ends, allowance.seconds), wait)

    async def _wait(self, item: RateLimitItem, caller: str, units: int) -> float:
        """Seconds until `units` fit in: until the one is gone that leaves just enough behind."""
        place = item.amount - units + 1
        start, found = await self._counts.get_moving_window(item.key_for(caller), place, item.get_expiry())
        return self._until(start + item.get_expiry(), item.get_expiry()) if found == place else 0.0

    def _until(self, ends: float, most: int) -> float:
        """Seconds from now; a clock that was set back meanwhile makes nobody wait longer than a window."""
        return min(max(0.0, ends - self._counts.now()) + A_MOMENT, most)


class OwnRateLimiter(WindowRateLimiter):
    """The same counts, all in this process: one look at a caller's window instead of two through the library."""

    def __init__(self, counts: MemoryCounts) -> None:
        super().__init__(counts)
        self._own = counts

    async def spend(self, allowance: Allowance, caller: str, units: int) -> Balance:
        item, now = item_of(allowance), self._own.now()
        admitted, window = self._own.spend(item.key_for(caller), allowance.units, allowance.seconds, units, now)
        ends = (window.entries[0][0] if window.entries else now) + allowance.seconds
        wait = None if admitted else await self._wait(item, caller, units)
        return Balance(allowance, allowance.units - window.units, self._until(ends, allowance.seconds), wait)


class NoRateLimiter:
    """The port `RateLimiter` where RATE_LIMITS is off."""

    async def spend(self, allowance: Allowance, caller: str, units: int) -> None:
        """Let everybody in."""


@cache
def item_of(allowance: Allowance) -> RateLimitItem:
    """The allowance as the library has it."""
    return RateLimitItemPerSecond(allowance.units, allowance.seconds, namespace=allowance.name)
