"""Sign-in throttling on any storage of the library `limits`: counters per address, per account, and per pair."""

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from limits import RateLimitItem
from limits.aio.strategies import FixedWindowRateLimiter

from adapters.limits.memory import MemoryCounts
from adapters.limits.windows import item_of
from application.shared.limits import Allowance
from domain.shared.addresses import subscriber
from domain.shared.errors import RateLimited

if TYPE_CHECKING:
    from adapters.limits.redis import RedisCounts

KNOWN = "sign-in-known"
KNOWN_SECONDS = 90 * 24 * 3600


@dataclass(frozen=True, slots=True)
class SignInAllowances:
    """Attempts per pair of address and account, per address, and per account."""

    pair: Allowance
    address: Allowance
    account: Allowance


USUAL = SignInAllowances(
    pair=Allowance("sign-in-pair", 30, 3600),
    address=Allowance("sign-in-address", 150, 900),
    account=Allowance("sign-in-account", 100, 3600),
)
STRICT = SignInAllowances(
    pair=Allowance("sign-in-pair", 20, 3600),
    address=Allowance("sign-in-address", 50, 900),
    account=Allowance("sign-in-account", 50, 3600),
)
"""For processes that cannot count together: several of them admit what one admits usually."""


class CountingSignInThrottle:
    """The port `SignInThrottle`. Fixed windows, because they are what the library can give attempts back to.

    `known` keeps the pairs that signed in, apart from the counts where these may be driven out by a crowd.
    """

    def __init__(
        self,
        counts: "MemoryCounts | RedisCounts",
        known: "MemoryCounts | RedisCounts",
        allowances: SignInAllowances = USUAL,
    ) -> None:
        self._counts, self._known, self._allowances = counts, known, allowances
        self._limiter = FixedWindowRateLimiter(counts)

    async def arrive(self, address: str | None, account: str) -> None:
        place, name = subscriber(address), _name(account)
        taken: list[tuple[RateLimitItem, tuple[str, ...]]] = []
        for item, key in self._counted(place, name):
            taken.append((item, key))
            if await self._limiter.hit(item, *key):
                continue
            if item is item_of(self._allowances.account) and await self._known.get(_pair(place, name)):
                continue
            ends, _ = await self._limiter.get_window_stats(item, *key)
            await self._give_back(taken)
            detail = "Too many sign-in attempts; wait as Retry-After says."
            raise RateLimited("sign_in_limited", detail, retry_after=self._wait(ends))

    async def succeeded(self, address: str | None, account: str) -> None:
        await self.give_back(address, account)
        await self.remember(address, account)

    async def give_back(self, address: str | None, account: str) -> None:
        await self._give_back(self._counted(subscriber(address), _name(account)))

    async def remember(self, address: str | None, account: str) -> None:
        """Have this account no longer depend on its limit when it signs in from this address."""
        await self._known.incr(_pair(subscriber(address), _name(account)), KNOWN_SECONDS)

    def _counted(self, place: str, name: str) -> list[tuple[RateLimitItem, tuple[str, ...]]]:
        """What an attempt counts for. The account comes last, so that what one address has too much never counts."""
        allowed = self._allowances
        return [
            (item_of(allowed.pair), (place, name)),
            (item_of(allowed.address), (place,)),
            (item_of(allowed.account), (name,)),
        ]

    async def _give_back(self, taken: list[tuple[RateLimitItem, tuple[str, ...]]]) -> None:
        for item, key in taken:
            await self._limiter.hit(item, *key, cost=-1)

    def _wait(self, ends: float) -> int:
        """Whole seconds; Redis tells its own rounded, so one more is on the safe side."""
        return math.ceil(max(0.0, ends - self._counts.now())) + 1


class NoSignInThrottle:
    """The port `SignInThrottle` where RATE_LIMITS is off."""

    async def arrive(self, address: str | None, account: str) -> None:
        """Let everybody in."""

    async def succeeded(self, address: str | None, account: str) -> None:
        """Nothing was counted."""

    async def give_back(self, address: str | None, account: str) -> None:
        """Nothing was counted."""


def _pair(place: str, name: str) -> str:
    return f"{KNOWN}/{place}/{name}"


def _name(account: str) -> str:
    """A short stand-in, so that long texts cost no memory and addresses of people are not kept."""
    return hashlib.sha256(account.encode("utf-8", "surrogatepass")).hexdigest()[:32]
