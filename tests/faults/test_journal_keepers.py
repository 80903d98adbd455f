"""Two processes keep the journal of one database: one is paused, then one is killed, and the trail stays whole."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from domain.identity.users import User
from tests.stores import Store, server_store

ROOT = Path(__file__).parents[2]
KEEPER = """
import asyncio, os, sys
from adapters.persistence.sqlalchemy.engine import ServerDatabase, database_url
from adapters.persistence.sqlalchemy.followers import SqlJournalOverview, SqlPositions, SqlSetAsides
from adapters.persistence.sqlalchemy.journal import SqlJournal, SqlJournalKeeper
from adapters.persistence.sqlalchemy.operations import SqlLeases
from adapters.system.clock import SystemClock
from entrypoints.worker import journal
from entrypoints.worker.supervisor import Supervisor
from entrypoints.worker.upkeep import JournalUpkeep
from tests.fakes import sign

journal.LEASE_SECONDS, journal.RENEW_AFTER = 1.0, 0.3

async def main(url):
    database = ServerDatabase(database_url(url), pool_size=3, max_overflow=0, pool_timeout=10, pool_recycle=3600)
    clock = SystemClock()
    keeper, asides = SqlJournalKeeper(database, clock, sign), SqlSetAsides(database)
    parts = journal.JournalParts(SqlJournal(database), keeper, SqlPositions(database), asides, clock)
    duty = journal.JournalDuty(SqlLeases(database, clock), str(os.getpid()))
    supervisor = Supervisor()
    for loop in JournalUpkeep(parts, SqlJournalOverview(database), duty, [], frozenset()).loops():
        supervisor.start(loop)
    await asyncio.Event().wait()

asyncio.run(main(sys.argv[1]))
"""


def start_keeper(url: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", KEEPER, url], cwd=ROOT, stderr=subprocess.DEVNULL)


async def write(store: Store, count: int) -> None:
    for _ in range(count):
        now = store.clock.now()
        await store.given(User.register(name="N", email=f"u{now.microsecond}@example.com", at=now))


async def sealed(store: Store, count: int) -> int:
    """Wait until so many entries are sealed; the process that keeps the journal then."""
    give_up = time.monotonic() + 60
    while (state := await store.overview.state()).sealed < count:
        assert time.monotonic() < give_up, state
        await asyncio.sleep(0.05)
    return int(state.keeper or 0)


@pytest.mark.timeout(120)
async def test_a_keeper_that_pauses_or_dies_is_replaced_and_numbers_nothing_twice(postgres_url: str) -> None:
    keepers = {keeper.pid: keeper for keeper in (start_keeper(postgres_url), start_keeper(postgres_url))}
    try:
        async with server_store("postgres", postgres_url) as store:
            await write(store, 20)
            first = await sealed(store, 20)
            keepers[first].send_signal(signal.SIGSTOP)
            await write(store, 20)
            second = await sealed(store, 40)
            assert second != first
            keepers[first].send_signal(signal.SIGCONT)
            await write(store, 20)
            await sealed(store, 60)
            keepers[second].kill()
            await write(store, 20)
            assert await sealed(store, 80) == first
            entries = await store.journal.after(0)
            assert [entry.position for entry in entries] == list(range(1, 81))
            assert len({entry.id for entry in entries}) == 80
    finally:
        for keeper in keepers.values():
            keeper.kill()
            keeper.wait(10)
