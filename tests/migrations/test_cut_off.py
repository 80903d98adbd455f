"""A migration that is cut off goes on from there in the next run, to the same schema with the same rows."""

import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from adapters.persistence.sqlalchemy import migrations
from adapters.persistence.sqlalchemy.schema.status import SchemaState
from tests.migrations.databases import REVISIONS, below, fill, on, reflected, rows, schema
from tests.migrations.interruptions import cut_off

ROOT = Path(__file__).parents[2]


def run_in_pieces(url: str, move: Callable[[], object]) -> int:
    """Cut a move off after every statement until it comes through; gives how often.

    What can be seen to be done is passed over. Statements on rows are carried out again, and on SQLite all of the step;
    then the next cut is one statement later.
    """
    last, later = None, 1
    for times in count():
        ended = cut_off(move, later)
        if ended is None:
            return times
        if ended == last:
            later += 1
        last = ended
    raise AssertionError("unreachable")


def test_an_upgrade_and_a_downgrade_cut_off_after_every_statement(empty_url: str, second_url: str) -> None:
    for revision in REVISIONS:
        assert run_in_pieces(empty_url, partial(migrations.upgrade, empty_url, revision)) > 0
        migrations.upgrade(second_url, revision)
        assert same(empty_url, second_url)
        on(empty_url, fill)
        on(second_url, fill)
    assert migrations.status(empty_url).state is SchemaState.CURRENT
    for revision in reversed(REVISIONS):
        assert run_in_pieces(empty_url, partial(migrations.downgrade, empty_url, below(revision))) > 0
        migrations.downgrade(second_url, below(revision))
        assert same(empty_url, second_url)
    assert migrations.status(empty_url).state is SchemaState.EMPTY
    migrations.upgrade(empty_url)
    assert migrations.status(empty_url).state is SchemaState.CURRENT


@pytest.mark.parametrize("statement", [3, 40])
def test_a_killed_process_leaves_nothing_that_keeps_the_next_one_out(
    empty_url: str, second_url: str, statement: int
) -> None:
    command = [sys.executable, "-m", "tests.migrations.interruptions", empty_url, str(statement)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert migrations.status(empty_url).state in {SchemaState.EMPTY, SchemaState.BEHIND}
    migrations.upgrade(empty_url)
    migrations.upgrade(second_url)
    assert same(empty_url, second_url)


def same(one: str, other: str) -> bool:
    assert on(one, schema) == on(other, schema)
    tables = on(one, reflected)
    assert on(one, lambda connection: rows(connection, tables)) == on(
        other, lambda connection: rows(connection, tables)
    )
    assert migrations.status(one) == migrations.status(other)
    return True
