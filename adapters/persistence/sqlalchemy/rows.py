"""Reading rows: aggregates with what they own, and keyset pages of any listing."""

from collections.abc import Sequence
from functools import reduce
from string import ascii_uppercase
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    Table,
    and_,
    any_,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from adapters.persistence import listings
from adapters.persistence.conflicts import MAPPINGS
from adapters.persistence.listings import Filter, Listing, Match
from adapters.persistence.sqlalchemy.tables.base import MYSQL, metadata
from adapters.persistence.tracking import AggregateMapping, Owned
from adapters.persistence.tracking import Row as AggregateRow
from domain.shared.values import Cursor, ListQuery

Condition = ColumnElement[bool]


class folded(FunctionElement[str]):  # noqa: N801 (a function in SQL)
    """`listings.folded` of a bytewise text."""

    type = String()
    inherit_cache = True


@compiles(folded)
def _lower(element: Any, compiler: Any, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(folded, MYSQL)
def _lower_each(element: Any, compiler: Any, **options: Any) -> str:
    """There `lower` changes the letters of all languages, whatever the collation."""
    text: str = compiler.process(element.clauses, **options)
    return reduce(lambda inner, letter: f"replace({inner}, '{letter}', '{letter.lower()}')", ascii_uppercase, text)


def aggregate_rows(
    connection: Connection, mapping: AggregateMapping[Any], statement: Select[Any]
) -> list[AggregateRow]:
    """The rows of a statement over the mapping's table, each with its owned rows."""
    return attach_owned(connection, mapping, connection.execute(statement).all())


def aggregate_row(connection: Connection, mapping: AggregateMapping[Any], id: UUID) -> AggregateRow | None:
    """The row of one aggregate with its owned rows."""
    return next(iter(aggregate_rows(connection, mapping, by_ids(mapping, [id]))), None)


def attach_owned(
    connection: Connection, mapping: AggregateMapping[Any], found: Sequence[Row[Any]]
) -> list[AggregateRow]:
    """Rows of the root table as plain ones, each with its owned rows."""
    rows = [dict(row._mapping) for row in found]
    for part in mapping.owned:
        _attach(connection, part, rows)
    return rows


def _attach(connection: Connection, part: Owned, rows: Sequence[AggregateRow]) -> None:
    by_parent: dict[Any, list[AggregateRow]] = {row["id"]: [] for row in rows}
    if by_parent:
        table = metadata.tables[part.table]
        keys = [column for column in table.primary_key if column.name != part.parent]
        parents = among(table.c[part.parent], list(by_parent), connection.dialect.name)
        statement = select(table).where(parents).order_by(*keys)
        for owned in connection.execute(statement):
            by_parent[owned._mapping[part.parent]].append(dict(owned._mapping))
    for row in rows:
        row[part.member] = by_parent[row["id"]]


def among(column: ColumnElement[Any], values: Sequence[Any], dialect: str) -> Condition:
    """That the column has one of these values: on PostgreSQL one array, so that the text is the same for any number.

    A text with a parameter for each value is made, and prepared by the server, anew for each number of them.
    """
    if dialect == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))
    return column.in_(values)


def page_rows(
    connection: Connection, listing: Listing, query: ListQuery, *conditions: Condition, without: str | None = None
) -> tuple[list[Row[Any]], Cursor | None]:
    """One keyset page: rows behind the cursor in the sort's order, and the cursor of the next page.

    A column that is large and not wanted is left out by `without`.
    """
    statement = page_statement(listing, query, *conditions)
    if without is not None:
        statement = statement.with_only_columns(
            *(column for column in statement.selected_columns if column.name != without)
        )
    rows = list(connection.execute(statement))
    if len(rows) <= query.limit:
        return rows, None
    last = dict(rows[query.limit - 1]._mapping)
    return rows[: query.limit], listings.cursor_after(last, listing.sort_column(query), listing.tie)


def page_statement(listing: Listing, query: ListQuery, *conditions: Condition) -> Select[Any]:
    """The statement of a page; it reads one row more than wanted, to know whether there is a next page."""
    table = metadata.tables[listing.table]
    column, tie = table.c[listing.sort_column(query)], table.c[listing.tie]
    statement = select(table).where(*conditions, *_filters(table, listing, query))
    if query.cursor is not None:
        value = listings.cursor_value(query.cursor, column.type.python_type)
        place = listings.cursor_value(Cursor(query.cursor.id, ""), tie.type.python_type)
        here, there = tuple_(column, tie), tuple_(literal(value, column.type), literal(place, tie.type))
        statement = statement.where(here < there if query.sort.descending else here > there)
    if query.sort.descending:
        return statement.order_by(column.desc(), tie.desc()).limit(query.limit + 1)
    return statement.order_by(column, tie).limit(query.limit + 1)


def _filters(table: Table, listing: Listing, query: ListQuery) -> list[Condition]:
    return [_condition(table, wanted, value) for wanted, value in listing.wanted(query)]


def _condition(table: Table, wanted: Filter, value: Any) -> Condition:
    if wanted.match is Match.OWNED:
        return _owned_condition(table, wanted, value)
    columns = [table.c[name] for name in wanted.columns]
    if wanted.match is Match.CONTAINS:
        return or_(*(folded(column).contains(listings.folded(value), autoescape=True) for column in columns))
    if wanted.match is Match.FROM:
        return and_(columns[0] >= value)
    if wanted.match is Match.BEFORE:
        return and_(columns[0] < value)
    return and_(*(column == value for column in columns))


def _owned_condition(table: Table, wanted: Filter, value: Any) -> Condition:
    part = next(part for m in MAPPINGS if m.table == table.name for part in m.owned if part.member == wanted.columns[0])
    owned = metadata.tables[part.table]
    return table.c.id.in_(select(owned.c[part.parent]).where(owned.c[wanted.columns[1]] == value))


def by_ids(mapping: AggregateMapping[Any], ids: Sequence[UUID]) -> Select[Any]:
    table = metadata.tables[mapping.table]
    return select(table).where(table.c.id == ids[0] if len(ids) == 1 else table.c.id.in_(ids))
