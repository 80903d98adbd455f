"""Several processes write to one SQLite file: nobody is refused, and what was acknowledged survives kill -9."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from domain.identity.users import User
from domain.shared.values import ListQuery
from tests.stores import Store, sqlite_store

ROOT = Path(__file__).parents[2]
WRITER = """
import asyncio, sys
from pathlib import Path
from domain.identity.users import User
from tests.stores import sqlite_store

async def main(file, name, count):
    async with sqlite_store(Path(file)) as store:
        for n in range(int(count)):
            await store.given(User.register(name=name, email=f"{name}{n}@example.com", at=store.clock.now()))
            print(n, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


def start_writer(file: Path, name: str, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, str(file), name, str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


async def emails(store: Store) -> set[str]:
    found: set[str] = set()
    cursor = None
    while True:
        page = await store.lists.users(ListQuery(200, cursor=cursor))
        found |= {user.email for user in page.items}
        if page.next is None:
            return found
        cursor = page.next


async def test_two_processes_and_this_one_write_at_once(sqlite_file: Path) -> None:
    others = [start_writer(sqlite_file, name, 100) for name in ("first", "second")]
    async with sqlite_store(sqlite_file) as store:

        async def write(n: int) -> None:
            await store.given(User.register(name="here", email=f"here{n}@example.com", at=store.clock.now()))

        await asyncio.gather(*(write(n) for n in range(100)))
        results = [await asyncio.to_thread(other.communicate, timeout=60) for other in others]
        assert [other.returncode for other in others] == [0, 0], [errors for _, errors in results]
        assert len(await emails(store)) == 300
        assert [entry.position for entry in await store.entries()] == list(range(1, 301))


async def test_acknowledged_writes_survive_kill_9(sqlite_file: Path) -> None:
    for round_number in range(3):
        writer = start_writer(sqlite_file, f"round{round_number}x", 10_000)
        assert writer.stdout is not None
        assert writer.stderr is not None
        acknowledged = [writer.stdout.readline().strip() for _ in range(20 + 7 * round_number)]
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged += writer.stdout.read().split()
        writer.wait(10)
        writer.stdout.close()
        writer.stderr.close()
        async with sqlite_store(sqlite_file) as store:
            found = await emails(store)
            missing = [n for n in acknowledged if f"round{round_number}x{n}@example.com" not in found]
            assert missing == []
            assert len(await store.entries()) == len(found)
