"""Databases as the stores see them: run a call on a connection, for reading or as one short transaction."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, Unpack
from uuid import UUID

from sqlalchemy import Connection, Executable, Select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from adapters.persistence.sqlalchemy.liveness import REST_SECONDS
from adapters.persistence.sqlalchemy.pool_figures import NoFigures, PoolFigures
from adapters.persistence.sqlalchemy.pools import Pool, PoolTerms
from adapters.persistence.sqlalchemy.replicas import Freshness, Replicas
from adapters.persistence.sqlalchemy.servers import SERVING, Limits
from adapters.persistence.sqlalchemy.unit_writer import Unit
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


class Database(Protocol):
    """One database. Calls are synchronous and get a SQLAlchemy connection; the same call serves every database."""

    @property
    def dialect(self) -> str: ...

    async def read(
        self, call: Callable[[Connection], T], freshness: Freshness = Freshness.PRIMARY, *, patient: bool = False
    ) -> T:
        """Run `call` for reading, without a transaction around it. Raises Unavailable.

        It is run again where a connection was lost. With less than PRIMARY a replica may answer. A `patient` call is
        none that a request waits for, and may take minutes.
        """

    async def write(self, call: Callable[[Connection], T]) -> T:
        """Run `call` in one transaction and commit it; when it raises, nothing of it is kept.

        It is run again where the server broke its transaction off in favour of another, or was lost before the commit,
        so it must depend on nothing that an earlier run has left in Python. Raises Unavailable, of which OutcomeUnknown
        says that the answer to the commit was lost; that is never repeated here.
        """

    async def keep(self, unit: Unit) -> None:
        """Write a unit of work. Raises StaleVersion, what its guards and constraints refuse with, and as `write`."""

    async def row(self, mapping: AggregateMapping[Any], id: UUID) -> Row | None:
        """The row of one aggregate with its owned rows, None where there is none. Raises Unavailable."""

    async def rows(self, statement: Select[Any], values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows of a statement that is made once and asked for often. Raises Unavailable.

        Its columns are numbers, texts, bytes, ids and times. This is the cheapest question there is.
        """

    async def change(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        """The one row that a statement returns which writes, as a transaction of its own.

        It is made once and carried out often. Raises as `write`.
        """

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
    """A database server, with its replicas where there are any. `figures` are asked for by role, primary or replica."""

    def __init__(
        self,
        url: URL,
        *,
        replicas: Sequence[URL] = (),
        limits: Limits = SERVING,
        rest: float = REST_SECONDS,
        figures: Callable[[str], PoolFigures] = lambda _role: NoFigures(),
        **terms: Unpack[PoolTerms],
    ) -> None:
        self._primary = Pool(url, terms, limits, rest, figures("primary"))
        pools = [Pool(replica, terms, limits, rest, figures("replica")) for replica in replicas]
        self._replicas = Replicas(self._primary, pools) if pools else None

    @property
    def dialect(self) -> str:
        return self._primary.dialect

    async def read(
        self, call: Callable[[Connection], T], freshness: Freshness = Freshness.PRIMARY, *, patient: bool = False
    ) -> T:
        if self._replicas is None or freshness is Freshness.PRIMARY:
            return await self._primary.read(call, patient=patient)
        return await self._replicas.read(call, freshness, patient=patient)

    async def write(self, call: Callable[[Connection], T]) -> T:
        return await (self._replicas or self._primary).write(call)

    async def keep(self, unit: Unit) -> None:
        await (self._replicas or self._primary).keep(unit)

    async def row(self, mapping: AggregateMapping[Any], id: UUID) -> Row | None:
        return await self._primary.row(mapping, id)

    async def rows(self, statement: Select[Any], values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        return await self._primary.rows(statement, values)

    async def change(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        return await (self._replicas or self._primary).change(statement, values)

    async def ping(self) -> None:
        """Raises Unavailable when the server does not answer."""
        await self.read(lambda connection: connection.execute(text("SELECT 1")).scalar_one())

    async def close(self) -> None:
        if self._replicas is not None:
            await self._replicas.close()
        await self._primary.close()


async def execute(database: Database, statement: Executable) -> None:
    """One statement as a transaction of its own."""

    def call(connection: Connection) -> None:
        connection.execute(statement)

    await database.write(call)
