"""The audit trail as people read it: journal entries with their sealed sequence and what is left of personal values."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, func, select

from adapters.persistence import listings
from adapters.persistence.entries import merged
from adapters.persistence.sqlalchemy.engine import Database
from adapters.persistence.sqlalchemy.replicas import Freshness
from adapters.persistence.sqlalchemy.rows import page_rows
from adapters.persistence.sqlalchemy.tables.journal import journal, journal_order, journal_personal, journal_seals
from application.audit.ports import AuditEvent
from domain.shared.errors import NotFound
from domain.shared.values import ListQuery, Page


class SqlAuditTrail:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def events(self, query: ListQuery) -> Page[AuditEvent]:
        def call(connection: Connection) -> Page[AuditEvent]:
            rows, after = page_rows(connection, listings.AUDIT, query)
            return Page(_events(connection, rows), after)

        return await self._database.read(call, Freshness.SEEN)

    async def event(self, id: UUID) -> AuditEvent:
        def call(connection: Connection) -> list[AuditEvent]:
            return _events(connection, connection.execute(select(journal).where(journal.c.id == id)).all())

        found = await self._database.read(call, Freshness.SEEN)
        if not found:
            raise NotFound()
        return found[0]


def _events(connection: Connection, rows: Sequence[Row[Any]]) -> list[AuditEvent]:
    if not rows:
        return []
    side = select(journal_personal.c.entry_id, journal_personal.c.body, journal_personal.c.actor_body)
    found = connection.execute(side.where(journal_personal.c.entry_id.in_([row.id for row in rows])))
    personal = {row.entry_id: (row.body, row.actor_body) for row in found}
    sealed = connection.execute(select(func.max(journal_seals.c.last_position))).scalar() or 0
    positions = _positions(connection, [row.number for row in rows])
    return [_event(row, personal.get(row.id, ()), positions.get(row.number), sealed) for row in rows]


def _positions(connection: Connection, numbers: Sequence[int]) -> dict[int, int]:
    if connection.dialect.name == "sqlite":
        return {number: number for number in numbers}
    statement: Select[Any] = select(journal_order.c.number, journal_order.c.position)
    found = connection.execute(statement.where(journal_order.c.number.in_(numbers)))
    return {row.number: row.position for row in found}


def _event(row: Row[Any], personal: Iterable[str | None], position: int | None, sealed: int) -> AuditEvent:
    entry = merged(row.body, *personal)
    return AuditEvent(
        id=row.id,
        sequence=position if position is not None and position <= sealed else None,
        at=row.at,
        actor_type=row.actor_type,
        actor_id=row.actor_id,
        actor_name=entry["actor_name"],
        action=row.operation,
        target_type=row.target_type,
        target_id=row.target_id,
        outcome=row.outcome,
        before=entry["before"],
        after=entry["after"],
        request_id=row.request_id,
        client_address=entry["client_address"],
    )
