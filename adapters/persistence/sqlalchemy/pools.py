"""The connections of this process to one database server, and how calls run on them: once, in time, or again."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Executable, Select, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import NullPool

from adapters.persistence.sqlalchemy.doubt import Doubt
from adapters.persistence.sqlalchemy.driver import Driver, Sending
from adapters.persistence.sqlalchemy.errors import OutcomeUnknown, broken_off, lost, translated, unanswered
from adapters.persistence.sqlalchemy.hot_reads import HotReads
from adapters.persistence.sqlalchemy.liveness import test_after_rest
from adapters.persistence.sqlalchemy.pool_figures import PoolFigures
from adapters.persistence.sqlalchemy.rows import aggregate_row
from adapters.persistence.sqlalchemy.servers import PATIENT, Limits, server_engine
from adapters.persistence.sqlalchemy.tables.base import MYSQL
from adapters.persistence.sqlalchemy.unit_statements import UnitStatements
from adapters.persistence.sqlalchemy.unit_writer import Unit, write_unit
from adapters.persistence.tracking import AggregateMapping, Row

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

T = TypeVar("T")
TRIES = 5
TRIES_WHEN_LOST = 2
RETRY_SECONDS = 2.0
PAUSE = 0.02


class PoolTerms(TypedDict):
    """Connections that are kept, further ones for a moment, seconds to wait for one, age at which it is replaced."""

    pool_size: int
    max_overflow: int
    pool_timeout: float
    pool_recycle: int


class Pool:
    """One server. Each call holds one connection, for as long as it runs.

    A call that the server leaves without an answer is given up after the time of a statement, sooner where the server
    is in doubt already.
    """

    def __init__(self, url: URL, terms: PoolTerms, limits: Limits, rest: float, figures: PoolFigures) -> None:
        self._limits, self._figures, self._doubt = limits, figures, Doubt()
        self._engine = server_engine(url, limits, **terms)
        self._patient = server_engine(url, PATIENT, poolclass=NullPool)
        self._reading, self._reading_patiently = _for_reading(self._engine), _for_reading(self._patient)
        self._turns = asyncio.Semaphore(terms["pool_size"] + terms["max_overflow"])
        self._wait_seconds, self._connect_seconds = terms["pool_timeout"], limits.connect + 0.5
        test_after_rest(self._engine.sync_engine, rest)
        event.listen(self._engine.sync_engine, "connect", self._let_in)
        event.listen(self._engine.sync_engine, "close", lambda *_: figures.closed())
        figures.limited(terms["pool_size"] + terms["max_overflow"])
        self._driver = Driver(self._engine) if self.dialect == "postgresql" else None
        self._hot = HotReads(self._driver, self._engine.dialect) if self._driver else None
        self._units = UnitStatements(self._engine.dialect)

    @property
    def dialect(self) -> str:
        return self._engine.dialect.name

    async def read(self, call: Callable[[Connection], T], *, patient: bool = False) -> T:
        """Run `call` without a transaction, once more where the connection is lost. A `patient` one may take minutes.

        Raises Unavailable.
        """
        with translated():
            if patient:
                async with self._reading_patiently.connect() as connection:
                    return await connection.run_sync(call)
            async with self._doubt.limit(None):
                return await self._repeated(lambda: self._read(call))

    async def write(self, call: Callable[[Connection], T]) -> T:
        """Run `call` as one transaction; again where it was broken off, or lost before its commit was sent.

        Raises OutcomeUnknown where the answer to the commit was lost, and Unavailable.
        """
        with translated():
            return await self._repeated(lambda: self._write(call))

    async def keep(self, unit: Unit) -> None:
        """Write a unit: in one statement where it is small and PostgreSQL takes it so. Raises as `write` does."""
        statement = self._units.of(unit) if self._driver else None
        if statement is None or not await self._kept(*statement, unit.entries[0].id):
            await self.write(lambda connection: write_unit(connection, unit))

    async def row(self, mapping: AggregateMapping[Any], id: UUID) -> Row | None:
        """The row of one aggregate. Raises Unavailable."""
        hot = self._hot
        if hot is None or not hot.reads(mapping):
            return await self.read(lambda connection: aggregate_row(connection, mapping, id))
        return await self._hotly(hot.row, mapping, id)

    async def rows(self, statement: Select[Any], values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows of a statement that is made once. Raises Unavailable."""
        hot = self._hot
        if hot is None:
            return await self.read(lambda connection: connection.execute(statement, values).all())
        return await self._hotly(hot.rows, statement, values)

    async def change(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        """The one row that a statement returns which writes, as a transaction of its own. Raises as `write` does."""
        if self._hot is not None:
            found = await self._sent(self._hot.change, statement, values)
            if found is not None:
                (row,) = found
                return row
        return await self.write(lambda connection: connection.execute(statement, values).one())

    async def _kept(self, sql: str, values: Sequence[Any], entry_id: UUID) -> bool:
        """Whether it is done; see `Driver.keep`."""
        assert self._driver is not None
        return await self._sent(self._driver.keep, sql, values, entry_id)

    async def _sent(self, send: Callable[..., Awaitable[T]], *what: Any) -> T:
        """What the driver makes of something to write. Of what was not answered in time nobody knows."""
        sending = Sending()
        with translated():
            await self._take_turn()
            try:
                async with self._doubt.call(self._limits.silence):
                    return await send(*what, sending)
            except TimeoutError as error:
                if sending.is_sent:
                    raise OutcomeUnknown() from error
                raise
            finally:
                self._end_turn()

    async def close(self) -> None:
        if self._driver is not None:
            self._driver.give_back()
        await self._engine.dispose()
        await self._patient.dispose()

    async def _hotly(self, ask: Callable[..., Awaitable[T]], *what: Any) -> T:
        try:
            await self._take_turn()
            try:
                async with self._doubt.call(self._limits.silence):
                    return await ask(*what)
            finally:
                self._end_turn()
        except Exception:
            with translated():
                raise

    async def _read(self, call: Callable[[Connection], T]) -> T:
        async with self._connected(self._reading) as connection, self._doubt.call(self._limits.silence):
            return await connection.run_sync(call)

    async def _write(self, call: Callable[[Connection], T]) -> T:
        is_committing = False
        async with self._connected(self._engine) as connection:
            try:
                async with self._doubt.call(self._limits.silence), connection.begin():
                    result = await connection.run_sync(call)
                    is_committing = True
            except Exception as error:
                if is_committing and unanswered(error):
                    raise OutcomeUnknown() from error
                raise
            return result

    def _let_in(self, _connection: Any, _record: Any) -> None:
        self._figures.opened()
        self._doubt.heard()

    @asynccontextmanager
    async def _connected(self, engine: "AsyncEngine") -> "AsyncIterator[AsyncConnection]":
        async with AsyncExitStack() as stack:
            await self._take_turn()
            stack.callback(self._end_turn)
            if self._driver is not None:
                self._driver.make_room()
            async with self._doubt.limit(self._connect_seconds):
                connection = await stack.enter_async_context(engine.connect())
            yield connection

    async def _take_turn(self) -> None:
        """Let calls have connections in the order of their coming; the queue of SQLAlchemy's pool lets any go first.

        Raises SQLAlchemy's TimeoutError.
        """
        if self._turns.locked():
            with self._figures.waiting():
                try:
                    async with asyncio.timeout(self._doubt.seconds(self._wait_seconds)):
                        await self._turns.acquire()
                except TimeoutError:
                    raise PoolTimeoutError from None
        else:
            await self._turns.acquire()
        self._figures.taken()

    def _end_turn(self) -> None:
        self._turns.release()
        self._figures.returned()

    async def _repeated(self, run: Callable[[], Awaitable[T]]) -> T:
        began = time.monotonic()
        for attempt in count(1):
            try:
                return await run()
            except (DBAPIError, OSError) as error:
                tries = TRIES if broken_off(error) else TRIES_WHEN_LOST if lost(error) else 1
                if attempt >= tries or time.monotonic() - began > RETRY_SECONDS:
                    raise
            await asyncio.sleep(random.uniform(0, PAUSE * attempt))  # noqa: S311 (jitter is no secret)
        raise AssertionError("unreachable")


def _for_reading(engine: "AsyncEngine") -> "AsyncEngine":
    """The same connections without transactions."""
    if engine.dialect.name == MYSQL:  # a session cannot change to autocommit and back without two more round trips
        return engine
    return engine.execution_options(isolation_level="AUTOCOMMIT")
