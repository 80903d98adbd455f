"""SQLite done right: reader threads of their own, and one writer thread that commits as soon as it is free.

While a commit waits for the disk, further calls gather; they share the next transaction, each in a savepoint of its
own. So `synchronous=FULL` is paid once for up to 256 units. Between processes a turnstile makes turns fair.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Engine, Executable, Select, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from adapters.persistence.sqlalchemy.errors import translated
from adapters.persistence.sqlalchemy.replicas import Freshness
from adapters.persistence.sqlalchemy.rows import aggregate_row
from adapters.persistence.sqlalchemy.turnstile import Turnstile
from adapters.persistence.sqlalchemy.unit_writer import Unit, write_unit
from adapters.persistence.tracking import AggregateMapping, Row

T = TypeVar("T")
Job = tuple[Callable[[Connection], Any], "Future[Any]"]
UNITS_PER_COMMIT = 256
BUSY_TIMEOUT_MS = 10_000
READERS = 4
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA temp_store=MEMORY",
)


def sqlite_engine(url: URL, *, writing: bool, size: int = 1) -> Engine:
    """An engine with our pragmas. A writing one takes the write lock at BEGIN, so that no transaction fails late."""
    engine = create_engine(
        url, poolclass=QueuePool, pool_size=size, max_overflow=0, connect_args={"check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


class SqliteDatabase:
    """One SQLite file, shared with other processes."""

    dialect = "sqlite"

    def __init__(self, url: URL, *, readers: int = READERS) -> None:
        self._reader_engine = sqlite_engine(url, writing=False, size=readers)
        self._writer_engine = sqlite_engine(url, writing=True)
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="sqlite-reader")
        self._turnstile = Turnstile(Path(str(url.database)))
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._closed = False
        self._writer = threading.Thread(target=self._write_loop, name="sqlite-writer", daemon=True)
        self._writer.start()

    async def read(
        self,
        call: Callable[[Connection], T],
        freshness: Freshness = Freshness.PRIMARY,  # noqa: ARG002 (there is but one file)
        *,
        patient: bool = False,  # noqa: ARG002 (nothing here ends a long one)
    ) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, call)

    def _read(self, call: Callable[[Connection], T]) -> T:
        with translated(), self._reader_engine.connect() as connection, connection.begin():
            return call(connection)

    async def write(self, call: Callable[[Connection], T]) -> T:
        future: Future[T] = Future()
        self._queue.put((call, future))
        with translated():
            return await asyncio.wrap_future(future)

    async def keep(self, unit: Unit) -> None:
        await self.write(lambda connection: write_unit(connection, unit))

    async def row(self, mapping: AggregateMapping[Any], id: UUID) -> Row | None:
        return await self.read(lambda connection: aggregate_row(connection, mapping, id))

    async def rows(self, statement: Select[Any], values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        return await self.read(lambda connection: connection.execute(statement, values).all())

    async def change(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        return await self.write(lambda connection: connection.execute(statement, values).one())

    async def ping(self) -> None:
        """Raises Unavailable when the file cannot be read."""
        await self.read(lambda connection: connection.execute(text("SELECT 1")).scalar_one())

    async def close(self) -> None:
        """Finish what was handed in, then let go of the file."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._writer.join)
        self._readers.shutdown()
        self._reader_engine.dispose()
        self._writer_engine.dispose()
        self._turnstile.close()

    def _write_loop(self) -> None:
        ending = False
        while not ending:
            batch: list[Job] = []
            item = self._queue.get()
            while item is not None:
                batch.append(item)
                if len(batch) == UNITS_PER_COMMIT or self._queue.empty():
                    break
                item = self._queue.get()
            ending = item is None
            live = [job for job in batch if job[1].set_running_or_notify_cancel()]
            if live:
                self._commit(live)

    def _commit(self, batch: list[Job]) -> None:
        outcomes: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with self._turnstile.turn(), self._writer_engine.begin() as connection:
                for call, future in batch:
                    outcomes.append((future, *_in_savepoint(connection, call)))
        except BaseException as error:  # the whole transaction is gone, so nobody's unit was kept
            outcomes = [(future, None, error) for _, future in batch]
        for future, result, refused in outcomes:
            if refused is None:
                future.set_result(result)
            else:
                future.set_exception(refused)


def _in_savepoint(connection: Connection, call: Callable[[Connection], Any]) -> tuple[Any, BaseException | None]:
    savepoint = connection.begin_nested()
    try:
        result = call(connection)
    except Exception as error:
        try:
            savepoint.rollback()
        except DBAPIError:  # a full disk ends the whole transaction and not the statement alone
            raise error from None
        return None, error
    savepoint.commit()
    return result, None
