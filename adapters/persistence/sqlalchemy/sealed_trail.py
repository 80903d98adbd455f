"""The trail as it was sealed, on SQL databases: batches, and entries with all that lies beside them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, func, not_, or_, select

from adapters.persistence import listings
from adapters.persistence.sqlalchemy.engine import Database
from adapters.persistence.sqlalchemy.journal import LATEST_SEAL, position_column, seal_of
from adapters.persistence.sqlalchemy.replicas import Freshness
from adapters.persistence.sqlalchemy.rows import page_rows
from adapters.persistence.sqlalchemy.tables.journal import (
    journal,
    journal_order,
    journal_pending,
    journal_personal,
    journal_seals,
)
from application.audit.ports import Unplaced
from domain.audit.chain import GENESIS, Seal
from domain.audit.checkpoints import Checkpoint
from domain.audit.evidence import SHOWN, StoredEntry
from domain.shared.errors import NotFound
from domain.shared.values import ListQuery, Page

_COLUMNS = [journal.c.id, journal.c.at, *(journal.c[name] for name in SHOWN)]


class SqlSealedTrail:
    """Reads from the primary, because what is checked must be what is there."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._position = position_column(database.dialect)
        self._entries = _entries(database.dialect, self._position)

    async def seals(self, behind: int, limit: int) -> Sequence[Seal]:
        wanted = select(journal_seals).where(journal_seals.c.number > behind)
        return await self._seals(wanted.order_by(journal_seals.c.number).limit(limit))

    async def latest(self) -> Seal | None:
        return next(iter(await self._seals(LATEST_SEAL)), None)

    async def seal_at(self, position: int) -> Seal | None:
        ends = journal_seals.c.last_position
        wanted = select(journal_seals).where(ends >= position).order_by(ends).limit(1)
        return next(iter(await self._seals(wanted)), None)

    async def heads(self, query: ListQuery) -> Page[Checkpoint]:
        def call(connection: Connection) -> Page[Checkpoint]:
            rows, after = page_rows(connection, listings.SEALS, query, without="leaves")
            seals = [Seal(**dict(row._mapping), leaves=b"") for row in rows]
            numbers = [seal.number - 1 for seal in seals]
            before = select(journal_seals.c.number, journal_seals.c.head).where(journal_seals.c.number.in_(numbers))
            known = {row.number: row.head for row in connection.execute(before)}
            return Page([Checkpoint.of(seal, known.get(seal.number - 1, GENESIS)) for seal in seals], after)

        return await self._database.read(call, Freshness.SEEN)

    async def place(self, id: UUID) -> int | None:
        number = select(journal.c.number).where(journal.c.id == id)

        def call(connection: Connection) -> int | None:
            found: int | None = connection.execute(number).scalar()
            if found is None:
                raise NotFound()
            if connection.dialect.name == "sqlite":
                return found
            place = select(journal_order.c.position).where(journal_order.c.number == found)
            position: int | None = connection.execute(place).scalar()
            return position

        return await self._database.read(call)

    async def entries(self, first: int, last: int) -> Sequence[StoredEntry]:
        wanted = self._entries.where(self._position.between(first, last)).order_by(self._position)

        def call(connection: Connection) -> list[StoredEntry]:
            rows = map(tuple, connection.execute(wanted))
            return [StoredEntry._make((*row[:6], row[6:])) for row in rows]

        return await self._database.read(call, patient=True)

    async def unplaced(self, limit: int) -> Sequence[Unplaced]:
        wanted = select(journal.c.id, journal.c.number).where(_unplaced(self._database.dialect)).limit(limit)

        def call(connection: Connection) -> list[Unplaced]:
            return [Unplaced(row.id, _place_of(connection, row.number)) for row in connection.execute(wanted).all()]

        return await self._database.read(call, patient=True)

    async def end(self) -> int:
        statement = select(func.max(self._position))
        return await self._database.read(lambda connection: connection.execute(statement).scalar() or 0)

    async def _seals(self, wanted: Select[Any]) -> list[Seal]:
        return await self._database.read(lambda connection: [seal_of(row) for row in connection.execute(wanted)])


def _entries(dialect: str, position: Any) -> Select[Any]:
    """Entries in the order of `StoredEntry`'s members, then its columns."""
    side = journal_personal.c
    chosen = select(position, journal.c.body, side.salt, side.body, side.actor_salt, side.actor_body, *_COLUMNS)
    source = journal if dialect == "sqlite" else journal_order.join(journal, journal.c.number == journal_order.c.number)
    return chosen.select_from(source.outerjoin(journal_personal, side.entry_id == journal.c.id))


def _place_of(connection: Connection, number: int) -> int:
    """The highest position of those entries that were made before."""
    earlier = select(func.max(journal_order.c.position)).where(journal_order.c.number < number)
    return connection.execute(earlier).scalar() or 0


def _unplaced(dialect: str) -> ColumnElement[bool]:
    if dialect == "sqlite":
        return journal.c.number < 1
    ordered = select(journal_order.c.number).where(journal_order.c.number == journal.c.number).exists()
    waiting = select(journal_pending.c.number).where(journal_pending.c.number == journal.c.number).exists()
    return not_(or_(ordered, waiting))
