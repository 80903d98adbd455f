"""The journal's upkeep: one process per database orders and seals it and carries out what follows from its entries."""

import time
from collections.abc import Sequence

from loguru import logger

from adapters.telemetry.logging import correlated
from application.shared.journal import Journal, JournalEntry, JournalKeeper, Positions, Reaction
from application.shared.ports import Leases
from domain.shared.errors import Unavailable
from entrypoints.worker.supervisor import Loop, Supervisor

LEASE_NAME = "journal"
LEASE_SECONDS = 5.0
RENEW_AFTER = 2.0
ORDER_EVERY = 0.1
SEAL_EVERY = 0.5
REACT_EVERY = 0.1
TRIES = 5
ENTRIES_PER_PASS = 500
POSITION_KEPT_EVERY = 1000
"""Entries that concern nobody before their position is written all the same; a restart reads them again."""


class JournalDuty:
    """Whether this process is the one that keeps the journal. Asking is cheap: the lease is renewed every 2 s."""

    def __init__(self, leases: Leases, holder: str) -> None:
        self._leases, self._holder = leases, holder
        self._held = False
        self._asked = float("-inf")

    async def is_mine(self) -> bool:
        now = time.monotonic()
        if now - self._asked >= RENEW_AFTER:
            self._held = await self._leases.hold(LEASE_NAME, self._holder, LEASE_SECONDS)
            self._asked = now
        return self._held

    async def give_up(self) -> None:
        self._held = False
        await self._leases.release(LEASE_NAME, self._holder)


class ReactionFollower:
    """Follows the journal for one reaction: at least once, in order, from a position of its own."""

    def __init__(self, reaction: Reaction, journal: Journal, positions: Positions, duty: JournalDuty) -> None:
        self._reaction, self._journal, self._positions, self._duty = reaction, journal, positions, duty
        self._name = f"reaction:{reaction.name}"
        self._done: int | None = None
        self._kept = 0
        self._tries = 0

    async def step(self) -> bool:
        if not await self._duty.is_mine():
            self._done = None
            return False
        if self._done is None:
            self._done = self._kept = await self._positions.read(self._name)
        entries = await self._journal.after(self._done, ENTRIES_PER_PASS)
        for entry in entries:
            if await self._react(entry) or entry.position - self._kept >= POSITION_KEPT_EVERY:
                await self._positions.move(self._name, entry.position)
                self._kept = entry.position
            self._done, self._tries = entry.position, 0
        return len(entries) == ENTRIES_PER_PASS

    async def _react(self, entry: JournalEntry) -> bool:
        """Handle the entry's events; whether there was any. After `TRIES` failures the entry is set aside."""
        wanted = [event for event in entry.events if event.name in self._reaction.events]
        try:
            with correlated(entry.request_id):
                for event in wanted:
                    await self._reaction.handle(entry, event)
        except Unavailable:
            raise
        except Exception as error:
            self._tries += 1
            if self._tries < TRIES:
                raise
            logger.bind(follower=self._name, position=entry.position).opt(exception=error).error("entry set aside")
            await self._positions.set_aside(self._name, entry.position, type(error).__name__)
        return bool(wanted)


def start_journal(
    supervisor: Supervisor,
    duty: JournalDuty,
    keeper: JournalKeeper,
    journal: Journal,
    positions: Positions,
    reactions: Sequence[Reaction],
) -> None:
    """Start the sequencer, the sealer and one follower per reaction."""

    async def order() -> bool:
        return await duty.is_mine() and await keeper.order() > 0

    async def seal() -> bool:
        return await duty.is_mine() and await keeper.seal() > 0

    supervisor.start(Loop("sequencer", order, ORDER_EVERY))
    supervisor.start(Loop("sealer", seal, SEAL_EVERY))
    for reaction in reactions:
        follower = ReactionFollower(reaction, journal, positions, duty)
        supervisor.start(Loop(f"reaction {reaction.name}", follower.step, REACT_EVERY))


async def keep_once(duty: JournalDuty, keeper: JournalKeeper) -> None:
    """Order and seal what is there, for commands that run while no service does."""
    if await duty.is_mine():
        await keeper.order()
        while await keeper.seal():
            continue
        await duty.give_up()
