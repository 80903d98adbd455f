"""Single aggregates read on the driver itself: a statement compiled once, on a connection of the engine's own pool.

SQLAlchemy's execution and result layers cost more than the read; the pool, the types and the statement are still its.
Only asyncpg is spoken here, so only PostgreSQL is read like this.
"""

from asyncio import CancelledError
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only, greenlet_spawn

from adapters.persistence.sqlalchemy.liveness import abandon, was_returned
from adapters.persistence.sqlalchemy.tables.base import metadata
from adapters.persistence.tracking import AggregateMapping, Owned, Row
from domain.shared.errors import Unavailable

Convert = Callable[[Any], Any]


class Lost(Exception):
    """The connection is gone. One that had lain in the pool may have been dead before it was taken."""

    def __init__(self, had_rested: bool) -> None:
        super().__init__()
        self.had_rested = had_rested


@dataclass(frozen=True, slots=True)
class Plan:
    """How one kind of aggregate is read: its statement, and what is to be done with the values of each column."""

    sql: str
    names: tuple[str, ...]
    converts: tuple[tuple[str, Convert], ...]
    owned: tuple[tuple[Owned, str], ...]


class HotReads:
    """Reads by id on PostgreSQL. Connections that were lost while they lay idle are replaced, and the read goes on."""

    def __init__(self, engine: AsyncEngine) -> None:
        import asyncpg

        self._pool, self._dialect = engine.sync_engine.pool, engine.dialect
        self._refusal = asyncpg.PostgresError
        self._breaks = (
            OSError,
            asyncpg.PostgresConnectionError,
            asyncpg.AdminShutdownError,
            asyncpg.CrashShutdownError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        )
        self._plans: dict[str, Plan | None] = {}
        self._statements: dict[Select[Any], str] = {}

    def reads(self, mapping: AggregateMapping[Any]) -> bool:
        """Whether one statement gives the whole of such an aggregate."""
        return self._plan(mapping) is not None

    async def row(self, mapping: AggregateMapping[Any], id: UUID) -> Row | None:
        """The row with its owned rows, None where there is none. Raises Unavailable."""
        plan = self._plan(mapping)
        assert plan is not None
        record = await self._fetched(plan.sql, id)
        if record is None:
            return None
        row: Row = dict(zip(plan.names, record, strict=True))
        for name, convert in plan.converts:
            row[name] = convert(row[name])
        for part, column in plan.owned:
            row[part.member] = [{part.parent: row["id"], column: value} for value in row[part.member]]
        return row

    async def first(self, statement: Select[Any]) -> Sequence[Any] | None:
        """The first row of a statement without parameters. Raises Unavailable."""
        sql = self._statements.get(statement)
        if sql is None:
            compiled = statement.compile(dialect=self._dialect, compile_kwargs={"literal_binds": True})
            sql = self._statements[statement] = str(compiled)
        return cast("Sequence[Any] | None", await self._fetched(sql))

    async def _fetched(self, sql: str, *values: Any) -> Any:
        while True:
            try:
                return await greenlet_spawn(self._fetch, sql, values)
            except Lost as lost:
                if not lost.had_rested:
                    raise _silent() from lost

    def _fetch(self, sql: str, values: Sequence[Any]) -> Any:
        """Within a greenlet, because the pool may have to open, test or replace a connection."""
        connection = self._pool.connect()
        had_rested = was_returned(connection)
        try:
            return await_only(connection.driver_connection.fetchrow(sql, *values))  # type: ignore[union-attr]
        except (TimeoutError, CancelledError):  # whatever comes of it would meet the connection's next user
            abandon(connection.driver_connection)
            connection.invalidate()
            raise
        except self._breaks as error:
            connection.invalidate()
            raise Lost(had_rested) from error
        except self._refusal as error:
            raise _silent() from error
        finally:
            connection.close()

    def _plan(self, mapping: AggregateMapping[Any]) -> Plan | None:
        if mapping.kind not in self._plans:
            self._plans[mapping.kind] = self._made(mapping)
        return self._plans[mapping.kind]

    def _made(self, mapping: AggregateMapping[Any]) -> Plan | None:
        table = metadata.tables[mapping.table]
        owned = [(part, _only_column(part)) for part in mapping.owned]
        parts = [(part, column) for part, column in owned if column is not None]
        if len(parts) != len(owned):
            return None
        columns = [*table.columns, *(_as_array(table, part, column) for part, column in parts)]
        statement = select(*columns).where(table.c.id == bindparam("id"))
        found = [(column.name, column.type.result_processor(self._dialect, None)) for column in table.columns]
        return Plan(
            sql=str(statement.compile(dialect=self._dialect)),
            names=tuple(column.name for column in columns),
            converts=tuple((name, convert) for name, convert in found if convert is not None),
            owned=tuple((part, column.name) for part, column in parts),
        )


def _silent() -> Unavailable:
    return Unavailable("database_unavailable", "The database does not answer.", retry_after=1.0)


def _only_column(part: Owned) -> ColumnElement[Any] | None:
    """The one column of owned rows beside the parent's key; None where there are more."""
    rest = [column for column in metadata.tables[part.table].columns if column.name != part.parent]
    return rest[0] if len(rest) == 1 else None


def _as_array(table: Table, part: Owned, column: ColumnElement[Any]) -> ColumnElement[Any]:
    owned = metadata.tables[part.table]
    rows = select(column).where(owned.c[part.parent] == table.c.id).order_by(column).scalar_subquery()
    return func.array(rows).label(part.member)
