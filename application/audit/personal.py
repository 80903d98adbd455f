"""Erasing personal values from the trail: when a person is deleted, and when they are older than wanted."""

from datetime import timedelta
from uuid import UUID

from application.audit.ports import PersonalValues
from application.shared.journal import JournalEntry, JournalEvent, Positions, Reaction
from application.shared.ports import Clock

USER_DELETED = "identity.user_deleted.v1"
RETENTION = "retention:personal"
ENTRIES_PER_PASS = 1000


class PersonalErasure:
    """`days` is how long personal values are kept; None: until the person is deleted."""

    def __init__(self, values: PersonalValues, positions: Positions, clock: Clock, days: int | None) -> None:
        self._values, self._positions, self._clock, self._days = values, positions, clock, days

    def reactions(self) -> tuple[Reaction, ...]:
        """What follows from events of other contexts, met by their stable names."""
        return (Reaction("audit.erase_person", frozenset({USER_DELETED}), self._erase_person),)

    async def erase_old(self) -> bool:
        """One pass of retention; whether there may be more to do."""
        if self._days is None:
            return False
        done = await self._positions.read(RETENTION)
        than = self._clock.now() - timedelta(days=self._days)
        reached = await self._values.erase_older(than, done, ENTRIES_PER_PASS)
        if reached == done:
            return False
        await self._positions.move(RETENTION, reached)
        return True

    async def _erase_person(self, _entry: JournalEntry, event: JournalEvent) -> None:
        await self._values.erase_person(UUID(event.payload["user_id"]))
