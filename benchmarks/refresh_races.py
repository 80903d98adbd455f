"""Races for refresh tokens on each database: 50 uses of one token at once, and a refresh beside a revoke.

    python -m benchmarks.refresh_races [--rounds 200] [--stores sqlite postgres mariadb]

Says nothing of speed that counts; it fails where a round has another outcome than one winner and a session that ended.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.persistence.sqlalchemy import migrations
from tests import mariadb, postgres
from tests.identity_services import identity_on
from tests.refresh_races import USES, refresh_beside_revoke, uses_at_once
from tests.stores import Store, server_store, sqlite_store

STORES = ("sqlite", "postgres", "mariadb")


@asynccontextmanager
async def opened(name: str) -> AsyncIterator[Store]:
    """A store without rows."""
    if name == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "fastops.db"
            await asyncio.to_thread(migrations.upgrade, f"sqlite:///{file}")
            async with sqlite_store(file) as store:
                yield store
    elif name == "postgres":
        with postgres.postgres_server() as server:
            await asyncio.to_thread(postgres.migrated_template, server)
            with postgres.cloned_database(server) as url:
                async with server_store(name, url) as store:
                    yield store
    else:
        with mariadb.mariadb_server() as server, mariadb.migrated_database(server) as database:
            async with server_store(name, database.url) as store:
                yield store


async def race(name: str, rounds: int) -> None:
    async with opened(name) as store:
        identity = await identity_on(store)
        user = await identity.person()
        began = time.perf_counter()
        for _ in range(rounds):
            await uses_at_once(identity, user)
        between = time.perf_counter()
        for _ in range(rounds):
            await refresh_beside_revoke(identity, user)
        ended = time.perf_counter()
    print(f"{name:9} {rounds} rounds of {USES} uses: one winner each, {between - began:.1f} s", flush=True)
    print(f"{name:9} {rounds} rounds beside a revoke: nothing survived, {ended - between:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Race for refresh tokens.")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--stores", nargs="+", choices=STORES, default=STORES)
    options = parser.parse_args()
    for name in options.stores:
        asyncio.run(race(name, options.rounds))


if __name__ == "__main__":
    main()
