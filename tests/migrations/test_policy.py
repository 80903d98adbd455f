"""Expand, then contract: whatever is not marked as a contract step leaves the code before it running."""

import copy
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest
from sqlalchemy import Connection, MetaData, delete, select

from adapters.persistence.sqlalchemy import migrations
from adapters.persistence.sqlalchemy.schema.chain import Kind, Revision, chain, module_of, numbers, scripts
from adapters.persistence.sqlalchemy.schema.plan import foretold
from adapters.persistence.sqlalchemy.tables.operations import installation
from tests.migrations.databases import REVISIONS, below, fill, on, reflected, schema
from tests.migrations.policy import taken

RELEASE = version("fastops")
EXPANDING = [revision.id for revision in chain()[1:] if revision.kind is Kind.EXPAND]


def test_the_chain_is_the_one_that_alembic_sees() -> None:
    seen = [script.revision for script in scripts().walk_revisions()]
    assert [revision.id for revision in chain()] == seen[::-1]
    for revision in chain():
        module = module_of(revision)
        assert revision.title
        assert revision.title in (module.__doc__ or "")
        assert revision.reader == getattr(module, "OLDEST_READER", None)


def test_an_expand_step_takes_nothing_from_the_code_before_it(empty_url: str) -> None:
    migrations.upgrade(empty_url, REVISIONS[0])
    before = on(empty_url, schema)
    for revision in chain()[1:]:
        migrations.upgrade(empty_url, revision.id, contract=True)
        after = on(empty_url, schema)
        assert revision.kind is Kind.CONTRACT or taken(before, after) == [], f"{revision.id} needs an OLDEST_READER"
        before = after


def test_the_code_before_an_expand_step_runs_on_the_schema_after_it(empty_url: str) -> None:
    """With the tables as they were it inserts, selects and deletes, and what it had written is as it was."""
    for revision in EXPANDING:
        migrations.upgrade(empty_url, below(revision), contract=True)
        old = on(empty_url, reflected)
        on(empty_url, fill)
        written = on(empty_url, lambda connection, tables=old: selected(connection, tables))
        migrations.upgrade(empty_url, revision)
        assert on(empty_url, lambda connection, tables=old: selected(connection, tables)) == written
        on(empty_url, lambda connection, tables=old: emptied(connection, tables))
        on(empty_url, lambda connection, tables=old: fill(connection, tables))
        again = on(empty_url, lambda connection, tables=old: selected(connection, tables))
        assert all(len(rows) == 1 for name, rows in again.items() if name != installation.name)


def selected(connection: Connection, tables: MetaData) -> dict[str, list[Any]]:
    return {
        name: sorted(map(repr, connection.execute(select(table)).all()))
        for name, table in tables.tables.items()
        if name != installation.name
    }


def emptied(connection: Connection, tables: MetaData) -> None:
    for table in reversed(tables.sorted_tables):
        if table.name != installation.name:
            connection.execute(delete(table))


COLUMNS = {
    "id": ("INTEGER", None, False, None, "auto"),
    "name": ("VARCHAR(200)", "C", False, None, False),
    "note": ("TEXT", None, True, None, False),
    "tries": ("INTEGER", None, False, "'5'", False),
}
TABLE: dict[str, Any] = {
    "columns": COLUMNS,
    "primary key": ("pk_things", ["id"]),
    "foreign keys": [],
    "unique": ["uq_things_name"],
    "checks": [],
    "indexes": [("ix_things_note", ("note", "id"), False, ""), ("ix_things_name", ("name",), True, "")],
}


def replaced(index: tuple[Any, ...]) -> tuple[Any, ...]:
    """Another index that begins with the same column."""
    return (f"{index[0]}_more", (*index[1][:1], "more"), False, "")


def changed(change: Callable[[dict[str, Any]], Any]) -> dict[str, dict[str, Any]]:
    table = copy.deepcopy(TABLE)
    change(table)
    return {"things": table}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda table: table["columns"].pop("note"), id="a column is dropped"),
        pytest.param(lambda table: table["columns"].update(remark=table["columns"].pop("note")), id="or renamed"),
        pytest.param(lambda t: t["columns"].update(name=("VARCHAR(100)", "C", False, None, False)), id="narrower"),
        pytest.param(lambda t: t["columns"].update(name=("VARCHAR(200)", "de", False, None, False)), id="collation"),
        pytest.param(lambda t: t["columns"].update(note=("INTEGER", None, True, None, False)), id="another type"),
        pytest.param(lambda t: t["columns"].update(note=("TEXT", None, False, None, False)), id="no longer empty"),
        pytest.param(lambda t: t["columns"].update(tries=("INTEGER", None, False, None, False)), id="no default"),
        pytest.param(lambda t: t["columns"].update(more=("TEXT", None, False, None, False)), id="new and required"),
        pytest.param(lambda t: t["unique"].append("uq_things_note"), id="a new constraint"),
        pytest.param(lambda t: t["unique"].clear(), id="a constraint is dropped"),
        pytest.param(lambda t: t["checks"].append("ck_things"), id="a new check"),
        pytest.param(lambda t: t["foreign keys"].append("fk_things"), id="a new reference"),
        pytest.param(lambda t: t["indexes"].append(("ux_things", ("tries",), True, "")), id="a new unique index"),
        pytest.param(lambda t: t["indexes"].pop(0), id="an index is dropped"),
        pytest.param(lambda t: t["indexes"].append(replaced(t["indexes"].pop())), id="a unique one is replaced"),
        pytest.param(lambda t: t.update({"primary key": ("pk_things", ["id", "name"])}), id="another primary key"),
    ],
)
def test_what_takes_something_is_found(change: Callable[[dict[str, Any]], Any]) -> None:
    assert len(taken({"things": TABLE}, changed(change))) >= 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda table: None, id="nothing"),
        pytest.param(lambda t: t["columns"].update(more=("TEXT", None, True, None, False)), id="a column"),
        pytest.param(lambda t: t["columns"].update(more=("TEXT", None, False, "''", False)), id="with a default"),
        pytest.param(lambda t: t["columns"].update(name=("VARCHAR(300)", "C", False, None, False)), id="wider"),
        pytest.param(lambda t: t["columns"].update(name=("VARCHAR(200)", "C", True, None, False)), id="may be empty"),
        pytest.param(lambda t: t["indexes"].append(("ix_things_tries", ("tries",), False, "")), id="an index"),
        pytest.param(lambda t: t["indexes"].append(replaced(t["indexes"].pop(0))), id="an index is replaced"),
    ],
)
def test_what_only_adds_is_let_through(change: Callable[[dict[str, Any]], Any]) -> None:
    assert taken({"things": TABLE}, changed(change)) == []
    assert taken({"things": TABLE}, {"things": TABLE, "more": TABLE}) == []


def test_a_table_that_goes_is_found() -> None:
    assert taken({"things": TABLE}, {}) == ["table things is gone"]


def test_contract_steps_ask_for_ever_newer_releases_and_come_last_in_their_own() -> None:
    asked = [numbers(revision.oldest_reader) for revision in chain() if revision.oldest_reader]
    assert asked == sorted(asked)
    assert all(numbers(reader) <= numbers(RELEASE) for reader in (one.oldest_reader for one in chain()) if reader)
    assert misplaced(chain(), RELEASE) == []


def misplaced(revisions: tuple[Revision, ...], release: str) -> list[str]:
    """Expand steps behind a contract step that asks for this very release: its services need both at once."""
    last = [one.oldest_reader == release for one in revisions]
    return [one.id for number, one in enumerate(revisions) if one.kind is Kind.EXPAND and any(last[:number])]


@pytest.mark.parametrize("revision", chain(), ids=lambda one: one.id)
def test_what_a_revision_does_can_be_foretold(revision: Revision) -> None:
    changes = foretold(revision)
    assert changes
    assert all(change.words and change.table for change in changes)
