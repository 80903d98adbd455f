"""The journal's upkeep: one process per database orders and seals it and carries out what follows from its entries."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from application.shared.journal import (
    JOURNAL_LEASE,
    ORDERED_PER_PASS,
    Journal,
    JournalKeeper,
    LeaseLost,
    Positions,
    SetAsides,
)
from application.shared.ports import Clock, Leases

LEASE_SECONDS = 5.0
RENEW_AFTER = 2.0


class JournalDuty:
    """Whether this process is the one that keeps the journal. Asking is cheap: the lease is renewed every 2 s."""

    def __init__(self, leases: Leases, holder: str) -> None:
        self._leases, self.holder = leases, holder
        self._turn = asyncio.Lock()
        self._held = False
        self._asked = float("-inf")

    async def is_mine(self) -> bool:
        if time.monotonic() - self._asked < RENEW_AFTER:
            return self._held
        async with self._turn:  # the loops of this process must not contend with each other for the lease
            now = time.monotonic()
            if now - self._asked >= RENEW_AFTER:
                self._held = await self._leases.hold(JOURNAL_LEASE, self.holder, LEASE_SECONDS)
                self._asked = now
            return self._held

    async def carry_out(self, task: Callable[[str], Awaitable[int]]) -> int:
        """Run a task of the keeper, if the duty is this process's; how many entries it saw to."""
        if not await self.is_mine():
            return 0
        try:
            return await task(self.holder)
        except LeaseLost:
            self._held = False
            return 0

    async def give_up(self) -> None:
        self._held = False
        await self._leases.release(JOURNAL_LEASE, self.holder)


@dataclass(frozen=True, slots=True)
class JournalParts:
    """What the upkeep works with."""

    journal: Journal
    keeper: JournalKeeper
    positions: Positions
    set_asides: SetAsides
    clock: Clock


async def keep_once(duty: JournalDuty, keeper: JournalKeeper) -> None:
    """Order and seal what is there, for commands that run while no service does."""
    if await duty.is_mine():
        while await duty.carry_out(keeper.order) == ORDERED_PER_PASS:
            continue
        while await duty.carry_out(keeper.seal):
            continue
        await duty.give_up()
