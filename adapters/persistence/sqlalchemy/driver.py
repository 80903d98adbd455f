"""asyncpg itself, on connections of the engine's own pool: what is compiled once need not pass SQLAlchemy each time.

SQLAlchemy's execution and result layers cost more than a small statement; the pool, the types and the text are its.
Only PostgreSQL is spoken to like this.
"""

from asyncio import CancelledError
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID

from sqlalchemy.pool import PoolProxiedConnection, QueuePool
from sqlalchemy.util import greenlet_spawn

from adapters.persistence.sqlalchemy.errors import OutcomeUnknown, translation, undecided
from adapters.persistence.sqlalchemy.liveness import abandon, has_taken_leave, rested_since, was_returned
from domain.shared.errors import FastOpsError, Unavailable

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

HELD_SECONDS: Final = 0.25
"""How long a connection that rests is kept from the pool, which tests those that have rested longer."""
PASSED_ON_SECONDS: Final = 10.0
"""How long a connection is passed on before the pool sees it again, which replaces those that are too old."""
TRIES = 2
"""Connections that are opened for one statement; those that had lain in the pool may all be dead."""
ENTRY = "SELECT 1 FROM journal WHERE id = $1"


class Lost(Exception):
    """The connection is gone. One that had lain in the pool may have been dead before it was taken."""

    def __init__(self, had_rested: bool, *, is_sent: bool) -> None:
        super().__init__()
        self.had_rested, self.is_sent = had_rested, is_sent


@dataclass(slots=True)
class Held:
    """A connection that was taken from the pool, and whether it may have died before it was taken."""

    connection: PoolProxiedConnection
    driver: Any
    had_rested: bool
    taken_at: float
    used_at: float = 0.0

    def is_due(self, now: float) -> bool:
        """Whether it is the pool's turn to look at it."""
        return now - self.used_at >= HELD_SECONDS or now - self.taken_at >= PASSED_ON_SECONDS

    def drop(self) -> None:
        self.connection.invalidate()
        self.connection.close()


class Sending:
    """Whether a statement has gone out, so that the server may carry it out."""

    is_sent = False


class Driver:
    """Single statements, each a transaction by itself. Connections that were lost while they lay idle are replaced."""

    def __init__(self, engine: "AsyncEngine") -> None:
        import asyncpg

        self._pool = cast("QueuePool", engine.sync_engine.pool)
        self._held: list[Held] = []
        self._refusal = asyncpg.PostgresError
        self._breaks = (
            OSError,
            asyncpg.PostgresConnectionError,
            asyncpg.AdminShutdownError,
            asyncpg.CrashShutdownError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        )

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        """The rows of a query. Raises what an error of the database stands for, mostly Unavailable."""
        while True:
            try:
                found: list[Any] = await self._run(sql, values, None)
            except Lost as lost:
                if not lost.had_rested:
                    raise _silent() from lost
            except self._refusal as error:
                raise translation(error) from error
            else:
                return found

    async def change(self, sql: str, values: Sequence[Any], sending: Sending) -> list[Any] | None:
        """The rows of a statement that writes; None where the server refused it and it can be tried anew.

        Raises OutcomeUnknown where the answer is lost, and what an error of the database stands for.
        """
        while True:
            try:
                found: list[Any] = await self._run(sql, values, sending)
            except Lost as lost:
                if lost.is_sent or not lost.had_rested:
                    raise (OutcomeUnknown() if lost.is_sent else _silent()) from lost
            except self._refusal as error:
                if undecided(error):
                    return None
                raise translation(error) from error
            else:
                return found

    async def keep(self, sql: str, values: Sequence[Any], entry_id: UUID, sending: Sending) -> bool:
        """Whether the server has carried out what writes a unit; where not, it was refused and can be tried anew.

        Where the answer is lost it is sent again: of one unit the journal takes its entry but once, so it is done then
        or was done before. Raises OutcomeUnknown where that cannot be learnt, and Unavailable where the server
        has taken its time already. Where the caller gives up, `sending` tells whether a statement is on its way.
        """
        try:
            return await self._kept(sql, values, entry_id, sending)
        except (Lost, OSError) as error:
            raise (OutcomeUnknown() if sending.is_sent else _silent()) from error

    async def _kept(self, sql: str, values: Sequence[Any], entry_id: UUID, sending: Sending) -> bool:
        is_doubtful, tries = False, TRIES
        while True:
            try:
                await self._run(sql, values, sending)
            except Lost as lost:
                is_doubtful = is_doubtful or lost.is_sent
                tries -= not lost.had_rested
                if not tries:
                    raise
            except self._refusal as error:
                if is_doubtful:
                    return await self._is_there(entry_id)
                if undecided(error):
                    return False
                raise translation(error) from error
            else:
                return True

    async def _is_there(self, entry_id: UUID) -> bool:
        """True where the unit of this entry is done. Where it is not, a lost statement may still be on its way."""
        try:
            if await self.rows(ENTRY, entry_id):
                return True
        except FastOpsError as error:
            raise OutcomeUnknown() from error
        raise OutcomeUnknown()

    def make_room(self) -> None:
        """For whoever takes a connection from the pool: return to it what has rested, and one more if it has none."""
        now = monotonic()
        while self._held and self._held[0].is_due(now):
            self._return(self._held.pop(0))
        if self._held and not self._pool.checkedin():
            self._return(self._held.pop())

    def give_back(self) -> None:
        """Return all that is kept for the next statement to the pool."""
        while self._held:
            self._return(self._held.pop())

    def _return(self, held: Held) -> None:
        """To the pool, as resting since it was used; what the pool has no room for is closed without a word."""
        if self._pool.checkedin() < self._pool.size():
            rested_since(held.connection, held.used_at)
        else:
            abandon(held.driver)
            held.drop()

    async def _run(self, sql: str, values: Sequence[Any], sending: Sending | None) -> Any:
        held, is_sent = self._fresh(), False
        if held is None:
            held = await greenlet_spawn(self._taken)
        try:
            if sending is not None:
                if has_taken_leave(held.driver):
                    raise ConnectionResetError
                is_sent = sending.is_sent = True
            records = await held.driver.fetch(sql, *values)
        except (TimeoutError, CancelledError):  # whatever comes of it would meet the connection's next user
            abandon(held.driver)
            held.drop()
            raise
        except self._breaks as error:
            held.drop()
            raise Lost(held.had_rested, is_sent=is_sent) from error
        except BaseException:
            held.used_at = monotonic()
            self._return(held)
            raise
        held.used_at, held.had_rested = monotonic(), True
        self._held.append(held)
        return records

    def _fresh(self) -> Held | None:
        """A connection that was in use a moment ago: statements that follow each other pass it on, past the pool."""
        while self._held:
            held = self._held.pop()
            if not held.is_due(monotonic()) and not held.driver.is_closed():
                return held
            self._return(held)
        return None

    def _taken(self) -> Held:
        """Within a greenlet, because the pool may have to open, test or replace a connection."""
        connection = self._pool.connect()
        return Held(connection, connection.driver_connection, was_returned(connection), monotonic())


def _silent() -> Unavailable:
    return Unavailable("database_unavailable", "The database does not answer.", retry_after=1.0)
