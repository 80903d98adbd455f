"""The journal's upkeep on PostgreSQL: how fast it catches up, and how soon an entry has its place.

    python -m benchmarks.journal [--entries 200000] [--rounds 5] [--writes 300]

Catching up: so many entries wait, and passes of 5,000 number them, then batches of 1,000 seal them, then a reader
follows them. Latency: with all loops running beside, single entries are committed and waited for.
Starts a server of its own, without fsync; give TEST_POSTGRES_URL for another one.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text

from adapters.persistence.sqlalchemy.engine import execute
from adapters.system.clock import SystemClock
from application.shared.journal import JOURNAL_LEASE
from entrypoints.worker.journal import JournalDuty, JournalParts
from entrypoints.worker.supervisor import Supervisor
from entrypoints.worker.upkeep import JournalUpkeep
from tests import postgres
from tests.factories import UserFactory
from tests.stores import KEEPER, Store, server_store

FILL = """
WITH entries AS (
  INSERT INTO journal (id, at, operation, actor_type, actor_id, request_id, target_type, target_id, version, outcome, body)
  SELECT gen_random_uuid(), now(), 'user.create', 'user', gen_random_uuid()::text, 'r', 'user', gen_random_uuid()::text,
         1, 'success', '{"events": [], "text": "' || repeat('x', 500) || '"}'
  FROM generate_series(1, :entries) RETURNING number
)
INSERT INTO journal_pending SELECT number FROM entries
"""  # noqa: E501
FILLED_AT_ONCE = 10_000


async def rate(step: Callable[[], Awaitable[int]]) -> float:
    """Entries a second until `step` finds nothing more."""
    began, total = time.perf_counter(), 0
    while count := await step():
        total += count
    return total / (time.perf_counter() - began)


async def catching_up(store: Store, entries: int) -> dict[str, float]:
    for _ in range(0, entries, FILLED_AT_ONCE):
        await execute(store.database, text(FILL).bindparams(entries=FILLED_AT_ONCE))
    await store.leases.hold(JOURNAL_LEASE, KEEPER, 3600)
    position = 0

    async def read() -> int:
        nonlocal position
        found = await store.journal.after(position, 1000)
        position = found[-1].position if found else position
        return len(found)

    return {
        "numbered": await rate(lambda: store.keeper.order(KEEPER)),
        "sealed": await rate(lambda: store.keeper.seal(KEEPER)),
        "followed": await rate(read),
    }


@asynccontextmanager
async def upkeep(store: Store) -> Any:
    """All loops of the journal, as a service runs them."""
    parts = JournalParts(store.journal, store.keeper, store.positions, store.set_asides, SystemClock())
    supervisor = Supervisor()
    for loop in JournalUpkeep(parts, store.overview, JournalDuty(store.leases, "benchmark"), [], frozenset()).loops():
        supervisor.start(loop)
    try:
        yield
    finally:
        await supervisor.stop()


async def latencies(store: Store, writes: int) -> tuple[list[float], list[float]]:
    """Seconds from each commit until the entry has a position, and until it is sealed."""
    numbered, sealed = [], []

    async def last_sealed() -> int:
        return int((await store.overview.state()).sealed)

    async with upkeep(store):
        for count in range(1, writes + 1):
            await store.given(UserFactory())
            until_numbered = await seconds_until(store.journal.head, count)
            numbered.append(until_numbered)
            if count % 10 == 0:
                sealed.append(until_numbered + await seconds_until(last_sealed, count))
    return numbered, sealed


async def seconds_until(reached: Callable[[], Awaitable[int]], count: int) -> float:
    began = time.perf_counter()
    while True:
        if await reached() >= count:
            return time.perf_counter() - began
        await asyncio.sleep(0.002)


async def measure(options: argparse.Namespace, server: str) -> None:
    rounds = []
    for _ in range(options.rounds):
        with postgres.cloned_database(server) as url:
            async with server_store("postgres", url) as store:
                rounds.append(await catching_up(store, options.entries))
    for name in rounds[0]:
        figures = sorted(round(one[name]) for one in rounds)
        print(f"{name:<9} {statistics.median(figures):>9,.0f} entries/s   ({figures[0]:,} to {figures[-1]:,})")
    with postgres.cloned_database(server) as url:
        async with server_store("postgres", url) as store:
            for name, seconds in zip(("numbered", "sealed"), await latencies(store, options.writes), strict=True):
                cuts = statistics.quantiles(seconds, n=100)
                print(f"{name:<9} after {cuts[49] * 1000:.0f} ms (median), {cuts[98] * 1000:.0f} ms (p99)")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the journal's upkeep.")
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--writes", type=int, default=300)
    options = parser.parse_args()
    with postgres.postgres_server() as server:
        postgres.migrated_template(server)
        asyncio.run(measure(options, server))


if __name__ == "__main__":
    main()
