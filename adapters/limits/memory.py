"""Counts inside one process: a storage of the library `limits`.

The library's own walks over all keys at every call and keeps any number of them; this one looks at the key alone, and
keeps at most `KEYS_MAX` of each kind.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from itertools import accumulate
from typing import TypeVar

from limits.aio.storage import MovingWindowSupport, Storage

T = TypeVar("T")

KEYS_MAX = 100_000


class Window:
    """What was admitted for one key within the last `seconds`: when, and how many units, oldest first."""

    __slots__ = ("entries", "seconds", "units")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.entries: deque[tuple[float, int]] = deque()
        self.units = 0

    def forget(self, now: float) -> None:
        """Drop what is older than `seconds`; both ends of the window belong to it."""
        while self.entries and self.entries[0][0] < now - self.seconds:
            self.units -= self.entries.popleft()[1]

    def is_over(self, now: float) -> bool:
        return not self.entries or self.entries[-1][0] < now - self.seconds


class MemoryCounts(Storage, MovingWindowSupport):
    """Nothing is awaited inside, so each call is atomic. `now` counts seconds, from whenever."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.now = now
        self._windows: OrderedDict[str, Window] = OrderedDict()
        self._counters: OrderedDict[str, tuple[int, float]] = OrderedDict()

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def spend(self, key: str, limit: int, expiry: int, amount: int, now: float) -> tuple[bool, Window]:
        """Let `amount` units in, or not; and the window as it is then."""
        window = self._windows.get(key) or Window(expiry)
        window.forget(now)
        if window.units + amount > limit:
            return False, window
        window.entries.append((now, amount))
        window.units += amount
        _keep(self._windows, key, window)
        self._drop_idle(now)
        return True, window

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        return self.spend(key, limit, expiry, amount, self.now())[0]

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """The time of the oldest among the newest `limit` units in the window, and how many of these there are."""
        now, window = self.now(), self._windows.get(key) or Window(expiry)
        window.forget(now)
        if not window.entries:
            return now, 0
        if window.units <= limit:
            return window.entries[0][0], window.units
        newest = list(reversed(window.entries))
        reached = accumulate(units for _, units in newest)
        return next(at for (at, _), units in zip(newest, reached, strict=True) if units >= limit), limit

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count up or, with a negative amount, down, but never below nothing."""
        now = self.now()
        count, ends = self._counters.get(key, (0, 0.0))
        if ends <= now:
            count, ends = 0, now + expiry
        count = max(0, count + amount)
        _keep(self._counters, key, (count, ends))
        return count

    async def get(self, key: str) -> int:
        count, ends = self._counters.get(key, (0, 0.0))
        return count if ends > self.now() else 0

    async def get_expiry(self, key: str) -> float:
        return max(self._counters.get(key, (0, 0.0))[1], self.now())

    async def check(self) -> bool:
        return True

    async def clear(self, key: str) -> None:
        self._windows.pop(key, None)
        self._counters.pop(key, None)

    async def reset(self) -> int:
        keys = len(self._windows) + len(self._counters)
        self._windows.clear()
        self._counters.clear()
        return keys

    def _drop_idle(self, now: float) -> None:
        """Two of those left alone longest, where their time is over: more than come in, so that none stay."""
        for _ in range(2):
            key, window = next(iter(self._windows.items()))
            if not window.is_over(now):
                return
            del self._windows[key]


def _keep(kept: OrderedDict[str, T], key: str, value: T) -> None:
    """Put the key last. Those left alone longest, and so nearest to their end, go first."""
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > KEYS_MAX:
        kept.popitem(last=False)
