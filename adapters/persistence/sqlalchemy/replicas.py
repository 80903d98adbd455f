"""Reads that replicas may answer: which replica is fit, and whether it has what the reader must see.

A position is where the primary's log ends: the LSN on PostgreSQL, the sequence number of the GTID on MariaDB.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, text

from adapters.persistence.sqlalchemy.pools import Pool
from adapters.persistence.sqlalchemy.tables.base import MYSQL
from adapters.persistence.sqlalchemy.unit_writer import Unit
from domain.shared.errors import Unavailable

T = TypeVar("T")
LOOK_SECONDS = 1.0
LAG_SECONDS = 5.0
CATCH_UP_SECONDS = 0.1
ASK_AGAIN_SECONDS = 0.01
ANSWER_SECONDS = 1.0
NEVER = float("-inf")
WRITTEN = {
    "postgresql": text(
        "SELECT CAST(pg_wal_lsn_diff(CASE current_setting('synchronous_commit') WHEN 'off'"
        " THEN pg_current_wal_insert_lsn() ELSE pg_current_wal_flush_lsn() END, '0/0') AS bigint)"
    ),
    MYSQL: text("SELECT NULLIF(SUBSTRING_INDEX(@@GLOBAL.gtid_binlog_pos, '-', -1), '')"),
}
"""What commits have flushed; a primary that answers before it has flushed may have given an answer beyond that."""
REPLAYED = {
    "postgresql": text("SELECT CAST(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0') AS bigint)"),
    MYSQL: text("SELECT NULLIF(SUBSTRING_INDEX(@@GLOBAL.gtid_slave_pos, '-', -1), '')"),
}


class Freshness(Enum):
    """What a read has to see, and so who may answer it.

    PRIMARY is for decisions about rights and for whatever a change builds on. COMMITTED is all that was committed
    before the call. SEEN is all that this process has written, or has read as COMMITTED.
    """

    PRIMARY = "primary"
    COMMITTED = "committed"
    SEEN = "seen"


@dataclass(eq=False, slots=True)
class Replica:
    """One replica, and what is known of it. It was fresh at a time if it has all that the primary had then."""

    pool: Pool
    replayed: int = -1
    fresh_at: float = NEVER
    skipped_until: float = NEVER

    def is_fit(self, now: float) -> bool:
        return now - self.fresh_at < LAG_SECONDS and now >= self.skipped_until


class Replicas:
    """One primary with its replicas. Nothing runs while nobody reads; whoever reads has them looked at now and then.

    A replica that is behind, silent or gone is passed over until a look finds it fit again. The primary answers then.
    """

    def __init__(self, primary: Pool, pools: Sequence[Pool], now: Callable[[], float] = time.monotonic) -> None:
        self._primary, self._replicas, self._now = primary, [Replica(pool) for pool in pools], now
        self._samples: deque[tuple[float, int]] = deque(maxlen=int(LAG_SECONDS / LOOK_SECONDS) + 2)
        self._seen: int | None = None
        self._writes = self._turn = 0
        self._looked_at = NEVER
        self._looking: asyncio.Task[None] | None = None

    async def read(self, call: Callable[[Connection], T], freshness: Freshness, *, patient: bool = False) -> T:
        """Run `call` where `freshness` allows. Raises Unavailable when the primary must answer and does not."""
        self._look_now_and_then()
        replica = self._next()
        if replica is not None:
            try:
                if await self._reaches(replica, await self._wanted(freshness)):
                    async with asyncio.timeout(None if patient else ANSWER_SECONDS):
                        return await replica.pool.read(call, patient=patient)
            except (Unavailable, TimeoutError):
                pass
            replica.skipped_until = self._now() + LOOK_SECONDS
        return await self._primary.read(call, patient=patient)

    async def write(self, call: Callable[[Connection], T]) -> T:
        """See `Database.write`. What this process reads from now on must contain it, even where its fate is unknown."""
        with self._written():
            return await self._primary.write(call)

    async def keep(self, unit: Unit) -> None:
        """See `Database.keep`."""
        with self._written():
            await self._primary.keep(unit)

    async def change(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        """See `Database.change`."""
        with self._written():
            return await self._primary.change(statement, values)

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._writes, self._seen = self._writes + 1, None

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        for replica in self._replicas:
            await replica.pool.close()

    def _next(self) -> Replica | None:
        """Those that are fit take turns."""
        now = self._now()
        fit = [replica for replica in self._replicas if replica.is_fit(now)]
        self._turn += 1
        return fit[self._turn % len(fit)] if fit else None

    async def _wanted(self, freshness: Freshness) -> int:
        """The position that the reader must see. It is asked for once after any number of writes."""
        if freshness is Freshness.SEEN and self._seen is not None:
            return self._seen
        writes = self._writes
        position = await self._position()
        if writes == self._writes:
            self._seen = max(position, self._seen or 0)
        return position

    async def _position(self) -> int:
        position = await self._primary.read(_scalar(WRITTEN[self._primary.dialect]))
        if position is None:
            raise Unavailable("database_unavailable", "The primary keeps no log that replicas could follow.")
        return int(position)

    async def _reaches(self, replica: Replica, wanted: int) -> bool:
        """Whether the replica has come to `wanted`, or does within a moment."""
        give_up_at = self._now() + CATCH_UP_SECONDS
        while replica.replayed < wanted:
            await self._ask(replica)
            if replica.replayed < wanted:
                if self._now() > give_up_at:
                    return False
                await asyncio.sleep(ASK_AGAIN_SECONDS)
        return True

    async def _ask(self, replica: Replica) -> None:
        """Learn how far the replica is. Raises Unavailable and TimeoutError."""
        async with asyncio.timeout(ANSWER_SECONDS):
            replayed = await replica.pool.read(_scalar(REPLAYED[replica.pool.dialect]))
        if replayed is not None:
            replica.replayed = int(replayed)
            reached = [at for at, position in self._samples if position <= replica.replayed]
            replica.fresh_at = max([replica.fresh_at, *reached])

    def _look_now_and_then(self) -> None:
        is_looking = self._looking is not None and not self._looking.done()
        if not is_looking and self._now() - self._looked_at >= LOOK_SECONDS:
            self._looked_at = self._now()
            self._looking = asyncio.create_task(self._look(), name="replicas")

    async def _look(self) -> None:
        began = self._now()
        try:
            self._samples.append((began, await self._position()))
        except Unavailable:
            return
        await asyncio.gather(*(self._ask(replica) for replica in self._replicas), return_exceptions=True)


def _scalar(statement: Any) -> Callable[[Connection], Any]:
    return lambda connection: connection.execute(statement).scalar()
