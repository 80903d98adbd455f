"""The schema moves up, down and up again with rows in every table, and is the one that the tables module says."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from adapters.persistence.sqlalchemy import migrations
from adapters.persistence.sqlalchemy.schema.status import SchemaState
from adapters.persistence.sqlalchemy.tables.base import metadata
from domain.shared.errors import Conflict, FastOpsError, NotFound
from tests.migrations.databases import REVISIONS, below, fill, on, reflected, rows, schema


def test_up_down_and_up_again_with_rows_in_every_table(empty_url: str) -> None:
    assert "sqlite" not in empty_url or not Path(empty_url.removeprefix("sqlite:///")).exists()
    migrations.upgrade(empty_url)
    on(empty_url, fill)
    counts = on(empty_url, lambda c: {t.name: len(c.execute(select(t)).all()) for t in metadata.sorted_tables})
    assert 0 not in counts.values()
    migrations.downgrade(empty_url, "base")
    assert migrations.status(empty_url).state is SchemaState.EMPTY
    migrations.upgrade(empty_url)
    on(empty_url, fill)
    assert migrations.status(empty_url).state is SchemaState.CURRENT


def test_each_revision_down_and_up_again_keeps_what_both_can_hold(empty_url: str) -> None:
    """Children too: where a table is rebuilt, nothing that refers to it may go."""
    for revision in REVISIONS:
        before, old = on(empty_url, schema), on(empty_url, reflected)
        migrations.upgrade(empty_url, revision)
        made, tables = on(empty_url, schema), on(empty_url, reflected)
        on(empty_url, fill)
        kept = on(empty_url, lambda c, tables=old: rows(c, tables))
        migrations.downgrade(empty_url, below(revision))
        assert on(empty_url, schema) == before
        assert on(empty_url, lambda c, tables=old: rows(c, tables)) == kept
        migrations.upgrade(empty_url, revision)
        assert on(empty_url, schema) == made
        assert on(empty_url, lambda c, tables=old: rows(c, tables)) == kept
        assert on(empty_url, reflected).tables.keys() == tables.tables.keys()


def test_the_migrated_schema_is_that_of_the_tables(empty_url: str, second_url: str) -> None:
    """To the collations, the fractions of times and the names of constraints."""
    migrations.upgrade(empty_url)
    on(second_url, metadata.create_all)
    migrated, wanted = on(empty_url, schema), on(second_url, schema)
    assert migrated.keys() == wanted.keys()
    for name, table in wanted.items():
        assert migrated[name] == table, name


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


def test_a_migration_that_leaves_rows_without_parents_is_taken_back(tmp_path: Path) -> None:
    """Foreign keys are not enforced while it runs, so that tables can be made anew."""
    file = tmp_path / "fastops.db"
    url = f"sqlite:///{file}"
    migrations.upgrade(url)
    migrations.downgrade(url, below(REVISIONS[-1]))
    before = migrations.status(url).current
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO user_roles (user_id, role) VALUES (zeroblob(16), 'admin')")
    with pytest.raises(Conflict, match="foreign_keys_broken"):
        migrations.upgrade(url)
    assert migrations.status(url).current == before


def test_a_table_of_somebody_else_under_the_name_of_a_new_one_is_left_alone(empty_url: str) -> None:
    migrations.upgrade(empty_url)
    migrations.downgrade(empty_url, below("0011"))
    on(empty_url, lambda c: c.exec_driver_sql("CREATE TABLE passkeys (theirs integer)") and None)
    with pytest.raises(FastOpsError) as refused:
        migrations.upgrade(empty_url)
    assert refused.value.code == "foreign_table" or "sqlite" in empty_url
    on(empty_url, lambda c: c.exec_driver_sql("SELECT theirs FROM passkeys") and None)
