"""One process at a time moves a schema; a second one waits, up to a limit."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection

from adapters.persistence.sqlalchemy import migrations
from adapters.persistence.sqlalchemy.migrations import Moved
from adapters.persistence.sqlalchemy.schema.status import SchemaState
from domain.shared.errors import Unavailable
from tests.migrations.databases import REVISIONS
from tests.migrations.interruptions import after_statement

LONG = 120.0


@contextmanager
def held_in_the_middle(url: str) -> Iterator["Future[Moved]"]:
    """A runner that stays after its tenth statement until the block ends; then gives what it did."""
    reached, goes_on = threading.Event(), threading.Event()

    def stay(_: Connection) -> None:
        reached.set()
        goes_on.wait(LONG)

    with ThreadPoolExecutor(1) as thread, after_statement(10, stay):
        future = thread.submit(migrations.upgrade, url)
        try:
            assert reached.wait(LONG)
            yield future
        finally:
            goes_on.set()
        future.result()


def test_the_second_runner_says_that_another_one_is_at_work(empty_url: str) -> None:
    with held_in_the_middle(empty_url) as first:
        with pytest.raises(Unavailable, match="migration_running"):
            migrations.upgrade(empty_url, wait=0.3)
        with pytest.raises(Unavailable, match="migration_running"):
            migrations.downgrade(empty_url, "base", wait=0)
        assert not first.done()
    assert first.result().steps == tuple(REVISIONS)


def test_the_second_runner_waits_and_finds_the_work_done(empty_url: str) -> None:
    with ThreadPoolExecutor(1) as thread:
        with held_in_the_middle(empty_url) as first:
            second = thread.submit(migrations.upgrade, empty_url, wait=LONG)
        assert first.result().steps == tuple(REVISIONS)
        assert second.result().steps == ()
    assert migrations.status(empty_url).state is SchemaState.CURRENT


def test_of_many_runners_at_once_each_step_is_taken_by_one(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        moves = [threads.submit(migrations.upgrade, empty_url, wait=LONG) for _ in range(4)]
        assert sorted(step for move in moves for step in move.result().steps) == REVISIONS
    assert migrations.status(empty_url).state is SchemaState.CURRENT
