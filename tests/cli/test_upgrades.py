"""`fastops db` and `fastops upgrade` as operators use them: what they say, where they say it, and how they end."""

import fcntl
import sqlite3
from contextlib import closing

from adapters.persistence.sqlalchemy.schema.chain import chain
from tests.cli.conftest import Terminal

HEAD = chain()[-1].id
FIRST = chain()[0].id


def test_the_check_foretells_each_step_and_changes_nothing(terminal: Terminal) -> None:
    terminal.done("db", "downgrade", FIRST, "--yes")
    before = (terminal.data_dir / "fastops.db").read_bytes()
    told = terminal.done("upgrade", "check", "--json").data
    assert (told["state"], told["current"], told["target"]) == ("behind", FIRST, HEAD)
    assert [step["revision"] for step in told["steps"]] == [one.id for one in chain()[1:]]
    assert {step["kind"] for step in told["steps"]} == {"expand"}
    assert "create table roles" in told["steps"][0]["changes"]
    assert {"repeats": 0, "answers": 0} in [step["rows"] for step in told["steps"]]
    assert (told["previous_goes_on"], told["oldest_reader"]) == (True, chain()[0].reader)
    assert (terminal.data_dir / "fastops.db").read_bytes() == before
    shown = terminal.done("upgrade", "check")
    assert all(one.id in shown.out for one in chain()[1:])
    terminal.done("db", "upgrade")
    assert terminal.done("upgrade", "check", "--json").data["steps"] == []


def test_the_check_of_a_schema_that_is_no_longer_ours_ends_as_a_start_would(terminal: Terminal) -> None:
    with closing(sqlite3.connect(terminal.data_dir / "fastops.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.execute("UPDATE installation SET value = '99.0.0' WHERE name = 'oldest_reader'")
    ended = terminal.run("upgrade", "check", "--json")
    assert (ended.code, ended.out) == (6, "")
    assert "99.0.0" in ended.err
    for command in (("db", "upgrade"), ("db", "downgrade", "base", "--yes"), ("user", "list")):
        ended = terminal.run(*command)
        assert ended.code == 6
        assert "schema_mismatch" in ended.err


def test_history_lists_revisions_and_which_are_done(terminal: Terminal) -> None:
    moved = terminal.done("db", "downgrade", FIRST, "--yes")
    assert moved.out == ""
    assert FIRST in moved.err
    listed = terminal.done("db", "history", "--json").data
    assert [(one["revision"], one["is_done"]) for one in listed] == [(one.id, one.id == FIRST) for one in chain()]
    assert chain()[1].title in terminal.done("db", "history").out


def test_the_schema_check_says_what_is_needed(terminal: Terminal) -> None:
    found = terminal.done("db", "check", "--json").data
    assert (found["state"], found["current"], found["needed"]) == ("current", HEAD, HEAD)
    assert found["moved_by"]


def test_an_unknown_revision_is_not_found(terminal: Terminal) -> None:
    ended = terminal.run("db", "upgrade", "nonsense")
    assert ended.code == 3
    assert "fastops db history" in ended.err


def test_a_second_migration_waits_no_longer_than_it_was_told_to(terminal: Terminal) -> None:
    with (terminal.data_dir / "fastops.db.migrating").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = terminal.run("db", "upgrade", "--wait", "0.2")
    assert ended.code == 6
    assert "migration_running" in ended.err


def test_a_migration_that_others_hold_up_says_so(terminal: Terminal) -> None:
    terminal.done("db", "downgrade", FIRST, "--yes")
    with closing(sqlite3.connect(terminal.data_dir / "fastops.db", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        ended = terminal.run("db", "upgrade", "--wait", "0.2")
    assert ended.code == 6
    assert "migration_blocked" in ended.err
    assert terminal.done("db", "upgrade").err.endswith(f"from {FIRST} to {HEAD}.\n")
