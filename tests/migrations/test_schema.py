"""The schema moves up, down and up again with rows in every table, and is the one that the tables module says."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, select

from adapters.persistence.sqlalchemy import migrations
from adapters.persistence.sqlalchemy.engine import ServerDatabase, database_url
from adapters.persistence.sqlalchemy.migrations import SchemaState
from adapters.persistence.sqlalchemy.sqlite import SqliteDatabase
from adapters.persistence.sqlalchemy.tables.base import metadata
from domain.shared.errors import Conflict, NotFound
from domain.shared.values import new_id
from tests import postgres
from tests.fakes import ManualClock

MADE_BY_MIGRATION = {"installation", "epochs"}


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'fastops.db'}"
    else:
        server = request.getfixturevalue("postgres_base")
        with postgres.cloned_database(server, "template0") as url:
            yield url


def on(url: str, call: Callable[[Connection], Any]) -> Any:
    """Run a call on this database, in one transaction."""

    async def work() -> Any:
        target = database_url(url)
        sqlite = target.get_backend_name() == "sqlite"
        options = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 5.0, "pool_recycle": 3600}
        database = SqliteDatabase(target) if sqlite else ServerDatabase(target, **options)  # type: ignore[arg-type]
        try:
            return await database.write(call)
        finally:
            await database.close()

    return asyncio.run(work())


def fill(connection: Connection) -> None:
    """One row in every table, parents first; the same ids everywhere, so that references hold."""
    some_id, now = new_id(), ManualClock().now()
    for table in metadata.sorted_tables:
        if table.name in MADE_BY_MIGRATION:
            continue
        values: dict[str, Any] = {}
        for column in table.columns:
            kind = column.type.python_type.__name__
            samples = {
                "UUID": some_id,
                "datetime": now,
                "str": "x",
                "int": 1,
                "bool": True,
                "float": 1.5,
                "bytes": b"x",
            }
            values[column.name] = samples.get(kind, {"a": 1})
        connection.execute(insert(table).values(values))


def test_up_down_and_up_again_with_rows_in_every_table(empty_url: str) -> None:
    assert empty_url.startswith("postgresql") or not Path(empty_url.removeprefix("sqlite:///")).exists()
    migrations.upgrade(empty_url)
    on(empty_url, fill)
    counts = on(empty_url, lambda c: {t.name: len(c.execute(select(t)).all()) for t in metadata.sorted_tables})
    assert set(counts.values()) == {1}
    migrations.downgrade(empty_url, "base")
    assert migrations.status(empty_url).state is SchemaState.EMPTY
    migrations.upgrade(empty_url)
    on(empty_url, fill)
    assert migrations.status(empty_url).state is SchemaState.CURRENT


def test_the_migrated_schema_is_that_of_the_tables(empty_url: str) -> None:
    migrations.upgrade(empty_url)
    difference = on(empty_url, lambda c: compare_metadata(MigrationContext.configure(c), metadata))
    assert difference == []


def test_two_runners_at_once_both_end_well(empty_url: str) -> None:
    with ThreadPoolExecutor(2) as threads:
        for future in [threads.submit(migrations.upgrade, empty_url) for _ in range(2)]:
            future.result()
    assert migrations.status(empty_url).state is SchemaState.CURRENT


def test_a_foreign_database_is_left_alone(empty_url: str) -> None:
    migrations.upgrade(empty_url)
    migrations.downgrade(empty_url, "base")
    on(empty_url, lambda c: c.exec_driver_sql("CREATE TABLE users (id integer, name text)") and None)
    assert migrations.status(empty_url).state is SchemaState.FOREIGN
    with pytest.raises(Conflict, match="foreign_database"):
        migrations.upgrade(empty_url)


def test_a_schema_of_a_newer_release_is_told_apart(empty_url: str) -> None:
    migrations.upgrade(empty_url)
    on(empty_url, lambda c: c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'") and None)
    on(empty_url, lambda c: c.exec_driver_sql("UPDATE installation SET value = '7.0.0'") and None)
    found = migrations.status(empty_url)
    assert (found.state, found.oldest_reader) == (SchemaState.AHEAD, "7.0.0")


def test_an_unknown_revision_is_refused(empty_url: str) -> None:
    with pytest.raises(NotFound, match="unknown_revision"):
        migrations.upgrade(empty_url, "nonsense")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "fastops.db"
    file.write_bytes(b"this is a text, not a database at all" * 100)
    with pytest.raises(Conflict, match="foreign_database"):
        migrations.status(f"sqlite:///{file}")


def test_a_missing_file_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="database_missing"):
        migrations.status(f"sqlite:///{tmp_path / 'none.db'}")
    assert list(tmp_path.iterdir()) == []


def test_looking_at_a_foreign_file_leaves_it_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "theirs.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE users (id integer)")
    connection.close()
    before = file.read_bytes()
    assert migrations.status(f"sqlite:///{file}").state is SchemaState.FOREIGN
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("stop_after", [1, 5, 20, 40])
def test_a_migration_that_dies_in_the_middle_leaves_nothing(tmp_path: Path, stop_after: int) -> None:
    """SQLite keeps DDL in the transaction, so a killed runner leaves the schema as it was."""
    file = tmp_path / "fastops.db"
    url = f"sqlite:///{file}"
    migrations.upgrade(url)
    migrations.downgrade(url, "base")
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    for n in range(stop_after):
        connection.execute(f"CREATE TABLE half_{n} (id integer)")
    copy = tmp_path / "killed"
    copy.mkdir()
    for part in tmp_path.glob("fastops.db*"):
        shutil.copy(part, copy)
    connection.close()
    killed = f"sqlite:///{copy / 'fastops.db'}"
    assert migrations.status(killed).state is SchemaState.EMPTY
    migrations.upgrade(killed)
    assert migrations.status(killed).state is SchemaState.CURRENT
