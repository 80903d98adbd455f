"""Limits that processes share, and what happens while their store does not answer: each counts for itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from limits.errors import StorageError

from adapters.limits.sign_in import CountingSignInThrottle
from adapters.limits.windows import WindowRateLimiter
from application.shared.limits import Allowance, Balance
from domain.shared.errors import RateLimited

ANSWER_SECONDS: Final = 0.25
TRY_AGAIN_SECONDS: Final = 1.0


class StoreDown(Exception):
    """The shared store does not answer; raised at once while that is known."""


class Circuit:
    """Keeps callers from waiting for a store that is down: after a failure, one call a second tries it again.

    `tell` hears when that begins (True) and ends (False), once each.
    """

    def __init__(self, tell: Callable[[bool], None], now: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._now = tell, now
        self._down = False
        self._next_try = 0.0

    @asynccontextmanager
    async def trying(self) -> AsyncIterator[None]:
        """Work with the store, for `ANSWER_SECONDS` at most. Raises StoreDown; a refusal is an answer."""
        is_trial = self._down
        if is_trial and self._now() < self._next_try:
            raise StoreDown
        self._next_try = self._now() + TRY_AGAIN_SECONDS
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                yield
        except (StorageError, OSError) as error:
            self._next_try = self._now() + TRY_AGAIN_SECONDS
            self._turn(down=True)
            raise StoreDown from error
        except RateLimited:
            self._turn(down=self._down and not is_trial)
            raise
        self._turn(down=self._down and not is_trial)

    def _turn(self, *, down: bool) -> None:
        """Calls from before the failure may still succeed after it; only a trial says that the store is back."""
        if down is not self._down:
            self._down = down
            self._tell(down)


class SharedRateLimiter:
    """The port `RateLimiter` for several processes; `local` stands in for the store."""

    def __init__(self, shared: WindowRateLimiter, local: WindowRateLimiter, circuit: Circuit) -> None:
        self._shared, self._local, self._circuit = shared, local, circuit

    async def spend(self, allowance: Allowance, caller: str, units: int) -> Balance:
        try:
            async with self._circuit.trying():
                return await self._shared.spend(allowance, caller, units)
        except StoreDown:
            return replace(await self._local.spend(allowance, caller, units), shared=False)


class SharedSignInThrottle:
    """The port `SignInThrottle` for several processes; `local`, a stricter one, stands in for the store."""

    def __init__(self, shared: CountingSignInThrottle, local: CountingSignInThrottle, circuit: Circuit) -> None:
        self._shared, self._local, self._circuit = shared, local, circuit

    async def arrive(self, address: str | None, account: str) -> None:
        try:
            async with self._circuit.trying():
                await self._shared.arrive(address, account)
        except StoreDown:
            await self._local.arrive(address, account)

    async def succeeded(self, address: str | None, account: str) -> None:
        await self._local.succeeded(address, account)
        try:
            async with self._circuit.trying():
                await self._shared.succeeded(address, account)
        except StoreDown:
            return

    async def give_back(self, address: str | None, account: str) -> None:
        await self._local.give_back(address, account)
        try:
            async with self._circuit.trying():
                await self._shared.give_back(address, account)
        except StoreDown:
            return
