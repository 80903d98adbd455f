"""A migration beside traffic: nobody queues behind it, and it gives up with clear words where a lock is not let go."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, select, text, update

from adapters.persistence.sqlalchemy import migrations
from adapters.persistence.sqlalchemy.engine import ServerDatabase, database_url
from adapters.persistence.sqlalchemy.pools import PoolTerms
from adapters.persistence.sqlalchemy.schema.status import SchemaState
from adapters.persistence.sqlalchemy.servers import Limits, server_engine
from adapters.persistence.sqlalchemy.tables.operations import set_aside
from domain.shared.errors import Unavailable
from tests.migrations.databases import fill, on

BEFORE, CHANGING = "0004", "0005"
"""The second of these revisions changes the table that is held and used here."""
LONG = 120.0
UNLIMITED = Limits(statement=0, lock=0)
TERMS: PoolTerms = {"pool_size": 2, "max_overflow": 0, "pool_timeout": 30.0, "pool_recycle": 3600}


@pytest.fixture
def used_url(empty_url: str) -> str:
    """A database with a row in every table, before a revision that changes one of them."""
    migrations.upgrade(empty_url, BEFORE)
    on(empty_url, fill)
    return empty_url


@contextmanager
def long_transaction(url: str, statement: str = "SELECT 1 FROM set_aside") -> Iterator[None]:
    """Somebody who has looked at the table and has not ended his transaction; on SQLite somebody who writes."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.close()
        return
    holds, ends = threading.Event(), threading.Event()

    async def hold() -> None:
        engine = server_engine(database_url(url), UNLIMITED)
        async with engine.connect() as connection:
            await connection.execute(text(statement))
            holds.set()
            await asyncio.to_thread(ends.wait, LONG)
        await engine.dispose()

    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(asyncio.run, hold())
        try:
            assert holds.wait(LONG)
            yield
        finally:
            ends.set()
        future.result()


@contextmanager
def tries() -> Iterator[threading.Semaphore]:
    """Released each time that the migration asks for what somebody else holds."""
    seen = threading.Semaphore(0)

    def tried(_connection: object, _cursor: object, statement: str, *_: Any) -> None:
        if statement.lstrip().startswith(("ALTER TABLE set_aside", "BEGIN IMMEDIATE")):
            seen.release()

    event.listen(Engine, "before_cursor_execute", tried)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", tried)


async def use(url: str) -> None:
    """Read and write the table as a service does, with the limits of a service."""
    database = ServerDatabase(database_url(url), **TERMS)

    def write(connection: Connection) -> None:
        connection.execute(update(set_aside).values(error="used"))

    try:
        for _ in range(5):
            await database.write(write)
            found = await database.read(lambda connection: connection.execute(select(set_aside.c.error)).all())
            assert found == [("used",)]
    finally:
        await database.close()


def test_others_are_answered_while_a_migration_waits_for_a_long_transaction(used_url: str) -> None:
    with ThreadPoolExecutor(1) as thread, tries() as tried:
        with long_transaction(used_url):
            migration = thread.submit(migrations.upgrade, used_url, CHANGING, wait=LONG)
            for _ in range(3):  # from the second one on it has been refused
                assert tried.acquire(timeout=LONG)
                if used_url.startswith("sqlite"):  # one writer at a time, so readers only
                    assert on_reader(used_url) == 1
                else:
                    asyncio.run(use(used_url))
            assert not migration.done()
        assert migration.result().after == CHANGING
    assert on(used_url, lambda connection: len(connection.execute(select(set_aside)).all())) == 1


def test_a_migration_that_waits_in_vain_gives_up_and_can_go_on(used_url: str) -> None:
    with long_transaction(used_url):
        with pytest.raises(Unavailable, match="migration_blocked"):
            migrations.upgrade(used_url, CHANGING, wait=0.5)
        assert migrations.status(used_url).state is SchemaState.BEHIND
    assert migrations.upgrade(used_url, CHANGING).after == CHANGING
    assert on(used_url, lambda connection: len(connection.execute(select(set_aside)).all())) == 1


def on_reader(url: str) -> int:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        found: int = connection.execute("SELECT count(*) FROM set_aside").fetchone()[0]
    connection.close()
    return found
