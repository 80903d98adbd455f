"""Statements for the driver itself, which SQLAlchemy compiles once: single aggregates, and what is asked for often."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, Select, Table, bindparam, func, select
from sqlalchemy.engine import Dialect

from adapters.persistence.sqlalchemy.driver import Driver, Sending
from adapters.persistence.sqlalchemy.tables.base import metadata
from adapters.persistence.tracking import AggregateMapping, Owned, Row

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """How one kind of aggregate is read: its statement, and what is to be done with the values of each column."""

    sql: str
    names: tuple[str, ...]
    converts: tuple[tuple[str, Convert], ...]
    owned: tuple[tuple[Owned, str], ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A statement as it is sent: the names of its values in their places, and those that it brings itself."""

    sql: str
    names: tuple[str, ...]
    defaults: Mapping[str, Any]


class HotReads:
    """Reads by id, and statements that are made once, on PostgreSQL."""

    def __init__(self, driver: Driver, dialect: Dialect) -> None:
        self._driver, self._dialect = driver, dialect
        self._plans: dict[str, Plan | None] = {}
        self._texts: dict[Executable, Text] = {}

    def reads(self, mapping: AggregateMapping[Any]) -> bool:
        """Whether one statement gives the whole of such an aggregate."""
        return self._plan(mapping) is not None

    async def row(self, mapping: AggregateMapping[Any], id: UUID) -> Row | None:
        """The row with its owned rows, None where there is none. Raises Unavailable."""
        plan = self._plan(mapping)
        assert plan is not None
        records = await self._driver.rows(plan.sql, id)
        if not records:
            return None
        row: Row = dict(zip(plan.names, records[0], strict=True))
        for name, convert in plan.converts:
            row[name] = convert(row[name])
        for part, column in plan.owned:
            row[part.member] = [{part.parent: row["id"], column: value} for value in row[part.member]]
        return row

    async def rows(self, statement: Select[Any], values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows of a statement; see `Database.rows`. Raises Unavailable."""
        sql, places = self._filled(statement, values)
        return await self._driver.rows(sql, *places)

    async def change(
        self, statement: Executable, values: Mapping[str, Any], sending: Sending
    ) -> Sequence[Sequence[Any]] | None:
        """The rows of a statement that writes; see `Driver.change`."""
        return await self._driver.change(*self._filled(statement, values), sending)

    def _filled(self, statement: Any, values: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """The text of a statement, compiled once, and values in their places."""
        found = self._texts.get(statement)
        if found is None:
            compiled = statement.compile(dialect=self._dialect, compile_kwargs={"literal_binds": not values})
            defaults = {name: compiled.params[name] for bind, name in compiled.bind_names.items() if not bind.required}
            found = self._texts[statement] = Text(str(compiled), tuple(compiled.positiontup), defaults)
        given = {**found.defaults, **values}
        return found.sql, [given[name] for name in found.names]

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


def _only_column(part: Owned) -> ColumnElement[Any] | None:
    """The one column of owned rows beside the parent's key; None where there are more."""
    rest = [column for column in metadata.tables[part.table].columns if column.name != part.parent]
    return rest[0] if len(rest) == 1 else None


def _as_array(table: Table, part: Owned, column: ColumnElement[Any]) -> ColumnElement[Any]:
    owned = metadata.tables[part.table]
    rows = select(column).where(owned.c[part.parent] == table.c.id).order_by(column).scalar_subquery()
    return func.array(rows).label(part.member)
