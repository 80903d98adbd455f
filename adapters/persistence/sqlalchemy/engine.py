"""Databases as the stores see them: run a call on a connection, for reading or as one short transaction."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Executable, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.persistence.sqlalchemy.errors import translated
from domain.shared.errors import Invalid

T = TypeVar("T")
DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}


class Database(Protocol):
    """One database. Calls are synchronous and get a SQLAlchemy connection; the same call serves every database."""

    @property
    def dialect(self) -> str: ...

    async def read(self, call: Callable[[Connection], T]) -> T:
        """Run `call` for reading, without a transaction around it. Raises Unavailable."""

    async def write(self, call: Callable[[Connection], T]) -> T:
        """Run `call` in one transaction and commit it; when it raises, nothing of it is kept."""

    async def close(self) -> None: ...


def database_url(text_url: str) -> URL:
    """A URL with the driver that FastOps uses; plain `sqlite:///…` and `postgresql://…` are completed."""
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
        self._engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_timeout=pool_timeout,
            pool_recycle=pool_recycle,
            pool_pre_ping=True,
            connect_args=_connect_args(url),
        )
        self._autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def dialect(self) -> str:
        return self._engine.dialect.name

    async def read(self, call: Callable[[Connection], T]) -> T:
        with translated():
            async with self._autocommit.connect() as connection:
                return await connection.run_sync(call)

    async def write(self, call: Callable[[Connection], T]) -> T:
        with translated():
            async with self._engine.begin() as connection:
                return await connection.run_sync(call)

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


def _connect_args(url: URL) -> dict[str, Any]:
    if url.get_backend_name() != "postgresql":
        return {}
    settings = {"application_name": "fastops", "statement_timeout": "15000", "lock_timeout": "5000", "jit": "off"}
    return {"timeout": 5, "command_timeout": 20, "server_settings": settings}
