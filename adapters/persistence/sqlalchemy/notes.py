"""Journal entries of what changes no aggregate, on SQL databases."""

from collections.abc import Sequence

from adapters.persistence.entries import noted_entry
from adapters.persistence.sqlalchemy.engine import Database
from adapters.persistence.sqlalchemy.unit_writer import Unit, write_unit
from application.shared.notes import Note
from application.shared.ports import Clock


class SqlNotes:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def write(self, notes: Sequence[Note]) -> None:
        entries = [noted_entry(note, self._clock.now()) for note in notes]
        unit = Unit(changes=(), bulk=(), guards=(), entries=entries, repeat=None)
        await self._database.write(lambda connection: write_unit(connection, unit))
