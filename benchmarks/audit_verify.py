"""Verifying the audit trail: a million sealed entries on SQLite and PostgreSQL, as `fastops audit verify` does it.

    python -m benchmarks.audit_verify [--entries 1000000] [--rounds 3] [--stores sqlite postgres]

Entries are those of users being made, each with its personal values; they are written in bulk and sealed by the sealer.
The command itself is timed, from its start to its end.
Starts a server of its own, without fsync; give TEST_POSTGRES_URL for another one.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, text

from adapters.persistence.entries import Entry, journal_entry
from adapters.persistence.mapping.identity import USERS
from adapters.persistence.sqlalchemy import migrations
from adapters.persistence.sqlalchemy.journal import SqlJournalKeeper
from adapters.persistence.sqlalchemy.tables.journal import journal, journal_order, journal_personal
from adapters.persistence.tracking import Change
from adapters.security.head_keys import HeadKeys
from adapters.security.master_key import MasterKey, new_master_key_text
from adapters.system.clock import SystemClock
from application.shared.journal import JOURNAL_LEASE
from application.shared.unit_of_work import Operation
from domain.shared.actor import Actor, ActorType, Origin
from entrypoints.cli.progress import Advance, progress
from tests import postgres
from tests.factories import UserFactory
from tests.stores import KEEPER, Store, server_store, sqlite_store

AT_ONCE = 5_000
MASTER_KEY = new_master_key_text()
NUMBERED = text("SELECT setval(pg_get_serial_sequence('journal', 'number'), :last)")
COMMAND = (sys.executable, "-m", "entrypoints.cli.main", "audit", "verify", "--json")


def entries(count: int) -> list[Entry]:
    """Entries of different users made by one actor."""
    clock = SystemClock()
    actor = Actor(type=ActorType.USER, id="019a", name="Ada Lovelace", origin=Origin("benchmark", "192.0.2.7"))
    operation, made = Operation("user.create", actor), []
    for _ in range(count):
        user = UserFactory()
        made.append(journal_entry(operation, Change(USERS, user.id, None, USERS.row(user), ()), clock.now()))
    return made


def written(first: int, batch: list[Entry]) -> Callable[[Connection], None]:
    """Writes a batch of entries at the positions from `first`."""

    def call(connection: Connection) -> None:
        numbered = list(enumerate(batch, first))
        columns = [e.columns | {"number": n} for n, e in numbered]
        connection.execute(insert(journal), columns)
        if connection.dialect.name != "sqlite":
            connection.execute(insert(journal_order), [{"position": n, "number": n} for n, _ in numbered])
            connection.execute(NUMBERED, {"last": numbered[-1][0]})
        connection.execute(insert(journal_personal), [entry.personal for entry in batch])

    return call


async def fill(store: Store, count: int, advance: Advance) -> None:
    for first in range(1, count + 1, AT_ONCE):
        await store.database.write(written(first, entries(min(AT_ONCE, count - first + 1))))
        advance(first + AT_ONCE - 1, count)
    await store.leases.hold(JOURNAL_LEASE, KEEPER, 36_000)
    keeper = SqlJournalKeeper(store.database, store.clock, HeadKeys(MasterKey.parse(MASTER_KEY).derive).sign)
    while await keeper.seal(KEEPER):
        pass


def verified(url: str, data_dir: str) -> dict[str, Any]:
    """What the command finds on this database."""
    settings = {"DATABASE_URL": url, "MASTER_KEY": MASTER_KEY, "DATA_DIR": data_dir}
    done = subprocess.run(COMMAND, env=os.environ | settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


async def measure(store: Store, url: str, options: argparse.Namespace) -> dict[str, object]:
    with progress("entries", options.entries) as advance:
        await fill(store, options.entries, advance)
    seconds, found = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            began = time.perf_counter()
            found = await asyncio.to_thread(verified, url, folder)
            seconds.append(time.perf_counter() - began)
            assert found["holds"]
            assert found["entries"] >= options.entries  # the command notes itself, too
    median = statistics.median(seconds)
    return {
        "store": store.name,
        "entries": found["entries"],
        "batches": found["batches"],
        "seconds": round(median, 2),
        "spread": [round(min(seconds), 2), round(max(seconds), 2)],
        "entries_per_second": round(options.entries / median),
    }


@contextmanager
def server() -> Iterator[str]:
    with postgres.postgres_server() as running:
        postgres.migrated_template(running)
        with postgres.cloned_database(running) as url:
            yield url


async def on_sqlite(options: argparse.Namespace) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fastops.db"
        await asyncio.to_thread(migrations.upgrade, f"sqlite:///{file}")
        async with sqlite_store(file) as store:
            return await measure(store, f"sqlite:///{file}", options)


async def on_postgres(url: str, options: argparse.Namespace) -> dict[str, object]:
    async with server_store("postgres", url) as store:
        return await measure(store, url, options)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the verification of the audit trail.")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stores", nargs="+", choices=["sqlite", "postgres"], default=["sqlite", "postgres"])
    options = parser.parse_args()
    if "sqlite" in options.stores:
        print(json.dumps(asyncio.run(on_sqlite(options))))
    if "postgres" in options.stores:
        with server() as url:
            print(json.dumps(asyncio.run(on_postgres(url, options))))


if __name__ == "__main__":
    main()
