"""Databases as the stores see them: run a call on a connection, for reading or as one short transaction."""

import asyncio
import random
from collections.abc import Callable
from itertools import count
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Executable, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from adapters.persistence.sqlalchemy.errors import broken_off, translated
from adapters.persistence.sqlalchemy.hot_reads import HotReads
from adapters.persistence.sqlalchemy.liveness import test_after_rest
from adapters.persistence.sqlalchemy.rows import aggregate_row
from adapters.persistence.sqlalchemy.servers import SERVING, server_engine
from adapters.persistence.sqlalchemy.tables.base import MYSQL
from adapters.persistence.tracking import AggregateMapping, Row
from domain.shared.errors import Invalid

T = TypeVar("T")
DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "mysql": "mysql+aiomysql",
    "mariadb": "mysql+aiomysql",
}
TRIES = 5
PAUSE = 0.02


class Database(Protocol):
    """One database. Calls are synchronous and get a SQLAlchemy connection; the same call serves every database."""

    @property
    def dialect(self) -> str: ...

    async def read(self, call: Callable[[Connection], T]) -> T:
        """Run `call` for reading, without a transaction around it. Raises Unavailable."""

    async def write(self, call: Callable[[Connection], T]) -> T:
        """Run `call` in one transaction and commit it; when it raises, nothing of it is kept.

        It is run again where the server broke its transaction off in favour of another, so it must depend on nothing
        that an earlier run has left in Python.
        """

    async def row(self, mapping: AggregateMapping[Any], id: UUID) -> Row | None:
        """The row of one aggregate with its owned rows, None where there is none. Raises Unavailable."""

    async def close(self) -> None: ...


def database_url(text_url: str) -> URL:
    """A URL with the driver that FastOps uses; plain `sqlite:///…`, `postgresql://…` and `mysql://…` are completed."""
    try:
        url = make_url(text_url)
    except ArgumentError as error:
        raise Invalid("database_url_invalid", "DATABASE_URL is no database URL, such as sqlite:///path.") from error
    backend = url.get_backend_name()
    if backend not in DRIVERS:
        detail = f"DATABASE_URL names a database that is not supported; use one of {', '.join(sorted(DRIVERS))}."
        raise Invalid("database_url_invalid", detail)
    return url.set(drivername=DRIVERS[backend])


class ServerDatabase:
    """A database server behind one pooled async engine."""

    def __init__(self, url: URL, *, pool_size: int, max_overflow: int, pool_timeout: float, pool_recycle: int) -> None:
        self._engine = server_engine(
            url,
            SERVING,
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_timeout=pool_timeout,
            pool_recycle=pool_recycle,
        )
        test_after_rest(self._engine.sync_engine)
        self._hot = HotReads(self._engine) if self.dialect == "postgresql" else None
        if self.dialect == MYSQL:  # a session cannot change to autocommit and back without two more round trips
            self._reading = self._engine
        else:
            self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def dialect(self) -> str:
        return self._engine.dialect.name

    async def read(self, call: Callable[[Connection], T]) -> T:
        with translated():
            async with self._reading.connect() as connection:
                return await connection.run_sync(call)

    async def write(self, call: Callable[[Connection], T]) -> T:
        with translated():
            for attempt in count(1):
                try:
                    async with self._engine.begin() as connection:
                        return await connection.run_sync(call)
                except DBAPIError as error:
                    if attempt == TRIES or not broken_off(error):
                        raise
                await asyncio.sleep(random.uniform(0, PAUSE * attempt))  # noqa: S311 (jitter is no secret)
        raise AssertionError("unreachable")

    async def row(self, mapping: AggregateMapping[Any], id: UUID) -> Row | None:
        if self._hot is not None and self._hot.reads(mapping):
            return await self._hot.row(mapping, id)
        return await self.read(lambda connection: aggregate_row(connection, mapping, id))

    async def ping(self) -> None:
        """Raises Unavailable when the server does not answer."""
        await self.read(lambda connection: connection.execute(text("SELECT 1")).scalar_one())

    async def close(self) -> None:
        await self._engine.dispose()


async def execute(database: Database, statement: Executable) -> None:
    """One statement as a transaction of its own."""

    def call(connection: Connection) -> None:
        connection.execute(statement)

    await database.write(call)
