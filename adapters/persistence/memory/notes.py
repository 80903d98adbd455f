"""Journal entries of what changes no aggregate, and which key signs heads of the trail, in memory."""

from collections.abc import Callable, Sequence

from adapters.persistence.entries import noted_entry
from adapters.persistence.memory.tables import MemoryDatabase
from application.shared.notes import Note
from application.shared.ports import Clock


class MemoryNotes:
    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def write(self, notes: Sequence[Note]) -> None:
        self._database.entries.extend(noted_entry(note, self._clock.now()) for note in notes)


class MemoryHeadKey:
    """The port `HeadKeyStore`."""

    def __init__(self, database: MemoryDatabase, notes: MemoryNotes) -> None:
        self._database, self._notes = database, notes

    async def change(self, note: Callable[[int], Note]) -> int:
        self._database.head_key += 1
        await self._notes.write([note(self._database.head_key)])
        return self._database.head_key
