"""Personal values beside journal entries on SQL databases, and how they are erased: some entries at a time."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Select,
    Update,
    and_,
    delete,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from adapters.persistence.conflicts import MAPPINGS
from adapters.persistence.sqlalchemy.engine import Database
from adapters.persistence.sqlalchemy.rows import aggregate_rows
from adapters.persistence.sqlalchemy.tables.base import metadata
from adapters.persistence.sqlalchemy.tables.journal import journal, journal_personal
from adapters.persistence.sqlalchemy.tables.knowledge import answers
from adapters.persistence.tracking import AggregateMapping
from adapters.persistence.tracking import Row as PlainRow
from domain.shared.values import Instant

ENTRIES_AT_ONCE = 500
PRIVATE_KINDS = [mapping.kind for mapping in MAPPINGS if mapping.private]
NOBODY = {"actor_salt": None, "actor_body": None}
NOTHING = {"salt": None, "body": None}


class SqlPersonalValues:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def erase_person(self, user_id: UUID) -> int:
        actors = [str(user_id), *await self._keys_of(user_id)]
        acted = journal.c.actor_id.in_(actors)
        own = or_(journal.c.target_id == str(user_id), and_(acted, journal.c.target_type.in_(PRIVATE_KINDS)))
        return await self._erase(acted, NOBODY) + await self._erase(own, NOTHING)

    async def erase_older(self, than: Instant, behind: int, limit: int) -> int:
        seen = select(journal.c.number, journal.c.id, journal.c.at).where(journal.c.number > behind)
        oldest = seen.order_by(journal.c.number).limit(limit)

        def call(connection: Connection) -> int:
            old = []
            for row in connection.execute(oldest):
                if row.at >= than:
                    break
                old.append(row)
            connection.execute(delete(journal_personal).where(journal_personal.c.entry_id.in_([row.id for row in old])))
            return int(old[-1].number) if old else behind

        return await self._database.write(call)

    async def _keys_of(self, user_id: UUID) -> Sequence[str]:
        """API keys that the user ever had, as the trail knows them; the rows are gone by now."""
        made = [journal.c.target_type == "api_key", journal.c.version == 1]
        owned = journal.c.body.contains(f'"owner_id":"{user_id}"', autoescape=True)
        keys = select(journal.c.target_id).where(*made, owned)
        return await self._database.read(lambda connection: connection.execute(keys).scalars().all())

    async def _erase(self, which: ColumnElement[bool], values: dict[str, Any]) -> int:
        place, count = None, 0
        while True:
            found = await self._some(which, place)
            if not found:
                return count
            ids = [row.id for row in found]
            erased = update(journal_personal).where(journal_personal.c.entry_id.in_(ids)).values(values)
            count += await self._database.write(_executing(erased))
            place = found[-1]

    async def _some(self, which: ColumnElement[bool], behind: Any) -> Sequence[Any]:
        wanted = select(journal.c.at, journal.c.id).where(which)
        if behind is not None:
            there = tuple_(literal(behind.at, journal.c.at.type), literal(behind.id, journal.c.id.type))
            wanted = wanted.where(tuple_(journal.c.at, journal.c.id) > there)
        ordered = wanted.order_by(journal.c.at, journal.c.id).limit(ENTRIES_AT_ONCE)
        return await self._database.read(lambda connection: connection.execute(ordered).all())


def _executing(statement: Update) -> Callable[[Connection], int]:
    return lambda connection: connection.execute(statement).rowcount


class SqlStoredRows:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def rows(self, mapping: AggregateMapping[Any], column: str, values: Sequence[UUID]) -> Sequence[PlainRow]:
        table = metadata.tables[mapping.table]
        return await self._read(mapping, select(table).where(table.c[column].in_(values)))

    async def holding(
        self, mapping: AggregateMapping[Any], member: str, column: str, value: UUID
    ) -> Sequence[PlainRow]:
        table = metadata.tables[mapping.table]
        part = next(part for part in mapping.owned if part.member == member)
        owned = metadata.tables[part.table]
        owners = select(owned.c[part.parent]).where(owned.c[column] == value)
        return await self._read(mapping, select(table).where(table.c.id.in_(owners)))

    async def _read(self, mapping: AggregateMapping[Any], statement: Select[Any]) -> Sequence[PlainRow]:
        table = metadata.tables[mapping.table]
        ordered = statement.order_by(table.c.created_at, table.c.id)
        return await self._database.read(lambda connection: aggregate_rows(connection, mapping, ordered))


class SqlAnswerErasure:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def erase_answers(self, owner_id: UUID) -> int:
        return await self._database.write(_deleting(delete(answers).where(answers.c.owner_id == owner_id)))


def _deleting(statement: Delete) -> Callable[[Connection], int]:
    return lambda connection: connection.execute(statement).rowcount
