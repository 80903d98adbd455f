"""What migrations are judged by: the schema as the database tells it, and the rows in it, at any revision."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import CHAR, Connection, MetaData, insert, inspect, select, text
from sqlalchemy.engine import URL

from adapters.persistence.sqlalchemy.engine import database_url
from adapters.persistence.sqlalchemy.schema.chain import chain
from adapters.persistence.sqlalchemy.schema.status import VERSION_TABLE
from adapters.persistence.sqlalchemy.servers import PATIENT, server_engine
from adapters.persistence.sqlalchemy.sqlite import sqlite_engine
from adapters.persistence.sqlalchemy.tables.operations import installation
from domain.shared.values import new_id
from tests.fakes import ManualClock

T = TypeVar("T")
Schema = dict[str, dict[str, Any]]
Rows = dict[str, list[dict[str, Any]]]
REVISIONS = [revision.id for revision in chain()]
SOME_ID, NOW = new_id(), ManualClock().now()
SAMPLES = {"UUID": SOME_ID, "datetime": NOW, "str": "1", "int": 1, "bool": True, "float": 1.5, "object": {"a": 1}}
COLLATIONS = (
    "SELECT table_name, column_name, collation_name FROM information_schema.columns WHERE table_schema = 'public'"
)


def on(url: str, call: Callable[[Connection], T]) -> T:
    """Run a call on this database, in one transaction, however long it takes."""
    target = database_url(url)
    if target.get_backend_name() == "sqlite":
        engine = sqlite_engine(target, writing=True)
        try:
            with engine.begin() as connection:
                return call(connection)
        finally:
            engine.dispose()
    return asyncio.run(_on_server(target, call))


async def _on_server(target: URL, call: Callable[[Connection], T]) -> T:
    engine = server_engine(target, PATIENT)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(call)
    finally:
        await engine.dispose()


def below(revision: str) -> str:
    """The revision before this one."""
    return (["base", *REVISIONS])[REVISIONS.index(revision)]


def reflected(connection: Connection) -> MetaData:
    """The tables as they are now: what the code of this revision knows of them."""
    tables = MetaData()
    tables.reflect(connection)
    if VERSION_TABLE in tables.tables:
        tables.remove(tables.tables[VERSION_TABLE])
    return tables


def fill(connection: Connection, tables: MetaData | None = None) -> None:
    """A row in every table that has none, parents first; the same ids everywhere, so that references hold."""
    for table in (tables or reflected(connection)).sorted_tables:
        if connection.execute(select(table)).first() is None:
            connection.execute(insert(table).values({column.name: sample(column) for column in table.columns}))


def sample(column: Any) -> Any:
    kind = column.type.python_type.__name__
    if kind == "bytes":
        return SOME_ID.bytes if getattr(column.type, "length", None) == 16 else b"x"
    if isinstance(column.type, CHAR):
        return SOME_ID.hex
    return SAMPLES["float" if kind == "Decimal" else kind]


def rows(connection: Connection, tables: MetaData) -> Rows:
    """Every row of these tables with these columns; facts about the installation are the runner's."""
    wanted = [table for table in tables.sorted_tables if table.name != installation.name]
    return {table.name: [dict(row._mapping) for row in connection.execute(select(table))] for table in wanted}


def schema(connection: Connection) -> Schema:
    """Columns with types, collations and defaults, keys, constraints and indexes with their names."""
    look = inspect(connection)
    collations: dict[tuple[str, str], Any] = {}
    if connection.dialect.name == "postgresql":
        collations = {(row[0], row[1]): row[2] for row in connection.execute(text(COLLATIONS))}
    keys, references = look.get_multi_pk_constraint(), look.get_multi_foreign_keys()
    uniques, checks = look.get_multi_unique_constraints(), look.get_multi_check_constraints()
    indexes = look.get_multi_indexes()
    return {
        table[1]: {
            "columns": {
                column["name"]: (
                    column["type"].compile(connection.dialect),
                    collations.get((table[1], column["name"])),
                    column["nullable"],
                    column["default"],
                    column.get("autoincrement"),
                )
                for column in columns
            },
            "primary key": (keys[table]["name"], keys[table]["constrained_columns"]),
            "foreign keys": _sorted(references[table]),
            "unique": _sorted(uniques[table]),
            "checks": _sorted(checks[table]),
            "indexes": sorted(map(_index, indexes[table])),
        }
        for table, columns in look.get_multi_columns().items()
        if table[1] != VERSION_TABLE
    }


def _index(found: Any) -> tuple[str, tuple[str, ...], bool, str]:
    """Name, columns, whether it is unique, and all that the database says."""
    return str(found["name"]), tuple(found["column_names"]), bool(found["unique"]), *_sorted([found])


def _sorted(found: list[Any]) -> list[str]:
    return sorted(str(sorted((name, str(value)) for name, value in one.items())) for one in found)
