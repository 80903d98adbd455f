"""Sign-in throttling inside one process: token buckets per address, per account, and per pair of both."""

import hashlib
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from domain.shared.errors import RateLimited

Key = tuple[str, ...]
KEYS_MAX = 100_000
IPV6_NEIGHBOURHOOD = 64
"""Prefix length that one subscriber is usually given; a finer count would let each of them have 2**64 tries."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """A bucket: so many attempts at once, and as many again per `seconds`, evenly."""

    attempts: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.attempts / self.seconds


PAIR = Allowance(30, 3600)
ADDRESS = Allowance(150, 900)
ACCOUNT = Allowance(100, 3600)


class Buckets:
    """Buckets of one allowance, at most `KEYS_MAX`: those left alone longest, and so fullest, go first."""

    def __init__(self, allowance: Allowance, now: Callable[[], float]) -> None:
        self._allowance, self._now = allowance, now
        self._kept: OrderedDict[Key, tuple[float, float]] = OrderedDict()

    def wait(self, key: Key) -> float:
        """Seconds until an attempt is there to take, 0 where one is."""
        return max(0.0, (1 - self._level(key)) / self._allowance.per_second)

    def take(self, key: Key) -> None:
        self._set(key, self._level(key) - 1)

    def give_back(self, key: Key) -> None:
        if key in self._kept:
            self._set(key, min(self._level(key) + 1, self._allowance.attempts))

    def _level(self, key: Key) -> float:
        level, at = self._kept.get(key, (float(self._allowance.attempts), self._now()))
        return min(level + (self._now() - at) * self._allowance.per_second, self._allowance.attempts)

    def _set(self, key: Key, level: float) -> None:
        self._kept[key] = (level, self._now())
        self._kept.move_to_end(key)
        if len(self._kept) > KEYS_MAX:
            self._kept.popitem(last=False)


class MemorySignInThrottle:
    """The port `SignInThrottle` for one process. Others in front of the same database count for themselves."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._pairs = Buckets(PAIR, now)
        self._addresses = Buckets(ADDRESS, now)
        self._accounts = Buckets(ACCOUNT, now)
        self._known: OrderedDict[Key, None] = OrderedDict()

    async def arrive(self, address: str | None, account: str) -> None:
        buckets = self._buckets(address, account)
        if (_place(address), _name(account)) in self._known:
            buckets.pop()
        wait = max(kind.wait(key) for kind, key in buckets)
        if wait > 0:
            detail = "Too many sign-in attempts; wait as Retry-After says."
            raise RateLimited("sign_in_limited", detail, retry_after=math.ceil(wait))
        for kind, key in buckets:
            kind.take(key)

    async def succeeded(self, address: str | None, account: str) -> None:
        for kind, key in self._buckets(address, account):
            kind.give_back(key)
        pair = (_place(address), _name(account))
        self._known[pair] = None
        self._known.move_to_end(pair)
        if len(self._known) > KEYS_MAX:
            self._known.popitem(last=False)

    def _buckets(self, address: str | None, account: str) -> list[tuple[Buckets, Key]]:
        """The buckets of an attempt; the account's is the last one."""
        place, name = _place(address), _name(account)
        return [(self._pairs, (place, name)), (self._addresses, (place,)), (self._accounts, (name,))]


class NoSignInThrottle:
    """The port `SignInThrottle` where RATE_LIMITS is off."""

    async def arrive(self, address: str | None, account: str) -> None:
        """Let everybody in."""

    async def succeeded(self, address: str | None, account: str) -> None:
        """Nothing was counted."""


def _place(address: str | None) -> str:
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((parsed, IPV6_NEIGHBOURHOOD), strict=False))
    return str(parsed)


def _name(account: str) -> str:
    """A short stand-in, so that long texts cost no memory and addresses of people are not kept."""
    return hashlib.sha256(account.encode("utf-8", "surrogatepass")).hexdigest()[:32]
