"""Who moves a schema: one process at a time on each database, step by step.

A lock of runners vanishes with its process or connection, however that ends. On SQLite each step is one transaction
that takes its turn among the writers; on servers each statement commits by itself.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError

from adapters.persistence.sqlalchemy.schema.patience import Patience, only_runner, taken
from adapters.persistence.sqlalchemy.servers import Limits, server_engine
from adapters.persistence.sqlalchemy.sqlite import sqlite_engine
from adapters.persistence.sqlalchemy.turnstile import Turnstile
from domain.shared.errors import Conflict, Unavailable

T = TypeVar("T")
LOCK_KEY = 6_157_302_411
"""Number of the advisory lock that runners take on PostgreSQL, one for each database; any fixed number serves."""
LOCK_NAME = "SELECT GET_LOCK(SUBSTRING(CONCAT('fastops ', SHA1(DATABASE())), 1, 40), 0)"
"""MariaDB has names for all databases of a server together, of at most 64 characters."""
MOVING = Limits(statement=0, lock=1)
"""An index of many rows may take an hour, but nobody may queue for long behind a statement that waits for a lock."""
LOCK_TIMEOUT = "SET lock_timeout = '300ms'"
BUSY_TIMEOUT = "PRAGMA busy_timeout=1000"


class Runner(Protocol):
    """The process that may move the schema now."""

    patience: Patience

    def step(self, call: Callable[[Connection], T]) -> T:
        """Run a call that, cut off anywhere, may be run again. Raises Unavailable where others hold it up too long."""


Work = Callable[[Runner], T]


class SqliteRunner:
    def __init__(self, connection: Connection, turnstile: Turnstile, patience: Patience) -> None:
        self._connection, self._turnstile, self.patience = connection, turnstile, patience

    def step(self, call: Callable[[Connection], T]) -> T:
        return self.patience.repeated(lambda: self._once(call))

    def _once(self, call: Callable[[Connection], T]) -> T:
        with self._turnstile.turn(), self._connection.begin():
            result = call(self._connection)
            if self._connection.execute(text("PRAGMA foreign_key_check")).first():
                raise Conflict("foreign_keys_broken", "The migration would leave rows without their parents.")
            return result


class ServerRunner:
    def __init__(self, connection: Connection, patience: Patience) -> None:
        self._connection, self.patience = connection, patience

    def step(self, call: Callable[[Connection], T]) -> T:
        return call(self._connection)

    def take_lock(self) -> bool:
        if self._connection.dialect.name == "postgresql":
            return bool(self._connection.execute(text(f"SELECT pg_try_advisory_lock({LOCK_KEY})")).scalar())
        return self._connection.execute(text(LOCK_NAME)).scalar() == 1


def alone(url: URL, work: Work[T], wait: float) -> T:
    """Do the work as the only runner on this database. Raises Unavailable where another one is at it for too long."""
    if url.get_backend_name() == "sqlite":
        return _on_sqlite(url, work, Patience(wait))
    with ThreadPoolExecutor(1) as thread:  # a loop may be running in this one
        return thread.submit(asyncio.run, _on_server(url, work, Patience(wait))).result()


def _on_sqlite(url: URL, work: Work[T], patience: Patience) -> T:
    """Foreign keys are off while tables are rebuilt, or SQLite would delete their children; they are checked after."""
    path = Path(str(url.database))
    lock = os.open(f"{path}.migrating", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    engine, turnstile = sqlite_engine(url, writing=True), Turnstile(path)
    try:
        with only_runner(lambda: taken(lock), patience), engine.connect() as connection:
            for pragma in ("PRAGMA foreign_keys=OFF", BUSY_TIMEOUT):
                connection.connection.cursor().execute(pragma)
            return work(SqliteRunner(connection, turnstile, patience))
    except DatabaseError as error:
        raise no_database(error) from error
    finally:
        engine.dispose()
        turnstile.close()
        os.close(lock)


def no_database(error: DatabaseError) -> Exception:
    """Conflict where the file is none of SQLite's, else the error itself."""
    if "not a database" in str(error):
        return Conflict("foreign_database", "The file in DATABASE_URL is not a SQLite database.")
    return error


async def _on_server(url: URL, work: Work[T], patience: Patience) -> T:
    def alone_on(connection: Connection) -> T:
        if connection.dialect.name == "postgresql":
            connection.execute(text(LOCK_TIMEOUT))
        runner = ServerRunner(connection, patience)
        with only_runner(runner.take_lock, patience):
            return work(runner)

    engine = server_engine(url, MOVING)
    try:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            return await connection.run_sync(alone_on)
    except OSError as error:
        raise Unavailable("database_unavailable", "The database in DATABASE_URL does not answer.") from error
    finally:
        await engine.dispose()
