"""Writes on SQLite: beside a process that writes without pause, and commits that are shared against one for each.

    python -m benchmarks.sqlite_beside [--rounds 5] [--seconds 4] [--rate 50] [--json PATH]

Beside: callers of this process write at a steady rate, while another one, as a command would, commits in a tight loop
through the same turnstile. A write counts from when it was due, so that a stall counts for all it delays.
Together: 16 callers who share commits, against the same with one commit for each of their writes, and against one
caller. `synchronous=FULL`, on the disk of the temporary folder (TMPDIR). Each round has a file of its own.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.persistence.sqlalchemy import migrations, sqlite
from benchmarks.service import percentile
from domain.shared.errors import FastOpsError
from domain.shared.values import new_id
from entrypoints.wiring.process import end_loading
from tests.factories import UserFactory
from tests.stores import Store, sqlite_store

CALLERS = 16
P99_MS, GAIN = 20.0, 2.0
WRITES_MOST = 4000
"""A second; so many are made before."""
GREEDY = "greedy"


def new_user() -> Any:
    return UserFactory(email=f"{new_id().hex}@example.com")


async def greedy(file: Path) -> None:
    """What the other process does: one commit after the other, until it is ended."""
    async with sqlite_store(file) as store:
        print("ready", flush=True)
        while True:
            await store.given(new_user())


@contextmanager
def beside(file: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.sqlite_beside", GREEDY, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


async def steadily(store: Store, seconds: float, rate: float) -> tuple[list[float], int]:
    """Seconds that each write took from when it was due, and how many were refused."""
    loop, took, refused = asyncio.get_running_loop(), list[float](), 0
    began = loop.time()

    async def write(due: float) -> None:
        nonlocal refused
        await asyncio.sleep(due - loop.time())
        try:
            await store.given(new_user())
        except FastOpsError:
            refused += 1
        took.append(loop.time() - due)

    await asyncio.gather(*(write(began + number / rate) for number in range(int(seconds * rate))))
    return took, refused


async def at_once(store: Store, callers: int, seconds: float, shared: int = sqlite.UNITS_PER_COMMIT) -> float:
    """Writes a second, of which so many at most share a commit. What is written is made before."""
    usual, sqlite.UNITS_PER_COMMIT = sqlite.UNITS_PER_COMMIT, shared
    users = iter([new_user() for _ in range(int(seconds * WRITES_MOST))])
    began = time.perf_counter()
    done = 0

    async def caller() -> None:
        nonlocal done
        while time.perf_counter() - began < seconds:
            await store.given(next(users))
            done += 1

    await asyncio.gather(*(caller() for _ in range(callers)))
    sqlite.UNITS_PER_COMMIT = usual
    return done / (time.perf_counter() - began)


async def one_round(template: Path, options: argparse.Namespace) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(shutil.copy(template, Path(folder) / "fastops.db"))
        async with sqlite_store(file) as store:
            alone, _ = await steadily(store, options.seconds, options.rate)
            with beside(file):
                took, refused = await steadily(store, options.seconds, options.rate)
            one = await at_once(store, 1, options.seconds)
            each = await at_once(store, CALLERS, options.seconds, shared=1)
            many = await at_once(store, CALLERS, options.seconds)
    return {
        "alone_p99_ms": percentile(alone, 0.99),
        "beside_p50_ms": percentile(took, 0.5),
        "beside_p99_ms": percentile(took, 0.99),
        "refused": refused,
        "one_caller": one,
        "commit_each": each,
        "commit_shared": many,
        "gain": many / each,
        "gain_on_one": many / one,
    }


async def measure(options: argparse.Namespace) -> list[dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.db"
        await asyncio.to_thread(migrations.upgrade, f"sqlite:///{template}")
        return [await one_round(template, options) for _ in range(options.rounds)]


def main() -> None:
    end_loading()  # as both processes do in earnest, so that no collection walks all that was loaded
    if sys.argv[1:2] == [GREEDY]:
        asyncio.run(greedy(Path(sys.argv[2])))
        return
    parser = argparse.ArgumentParser(
        description="Measure writes on SQLite beside a greedy process, and shared commits."
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rate", type=float, default=50.0, help="writes a second of the steady callers")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rounds = asyncio.run(measure(options))
    bars = {"beside_p99_ms": f"at most {P99_MS:.0f}", "refused": "0", "gain": f"at least {GAIN:.0f}"}
    for name in rounds[0]:
        figures = sorted(one[name] for one in rounds)
        median = f"{statistics.median(figures):>10,.1f}   ({figures[0]:,.1f} to {figures[-1]:,.1f})"
        print(f"{name:<14}{median}{f'   bar {bars[name]}' if name in bars else ''}")
    if options.json is not None:
        options.json.write_text(json.dumps(rounds, indent=2) + "\n")


if __name__ == "__main__":
    main()
