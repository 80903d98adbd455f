"""What the journal costs: creating things with it and without it, at 16 connections on PostgreSQL.

    python -m benchmarks.audited [--starts 5] [--rounds 3] [--seconds 3] [--commits 4000] [--json PATH]

Over HTTP, collections, because a user brings an invitation by mail: the service, with its sequencer and sealer,
against the same service without a journal (`benchmarks.baselines.unaudited`). At the driver: the statement that writes
a unit with its entry, with sequencer and sealer beside, against BEGIN, INSERT and COMMIT of the bare row. Sides take
turns; the ratio of each round counts. Two processes that run the same code differ by up to a tenth, each for as long
as it lives, so both sides are started several times.
Starts a server of its own, without fsync, so that the processor decides; give TEST_POSTGRES_URL for another one.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect

from adapters.persistence.entries import journal_entry
from adapters.persistence.mapping.identity import USERS
from adapters.persistence.sqlalchemy.unit_statements import UnitStatements
from adapters.persistence.sqlalchemy.unit_writer import Unit
from adapters.persistence.tracking import Tracker
from application.shared.unit_of_work import Operation
from benchmarks.journal import upkeep
from benchmarks.load import load_of
from benchmarks.reads import OTHER_CORE, Server, environment, make_user, sign_in, started
from benchmarks.search_http import free_port
from domain.shared.actor import system_actor
from domain.shared.values import new_id
from tests import postgres
from tests.factories import BEGINNING, UserFactory
from tests.stores import Store, server_store

CONNECTIONS = 16
BARS = {"http": 0.90, "http, processor": 0.90, "driver": 0.70}
INSERT = (
    "INSERT INTO users (id, version, created_at, updated_at, name, email, kind, status, email_verified)"
    " VALUES ($1, 1, $2, $2, $3, $4, 'person', 'active', false)"
)
Pairs = list[tuple[float, float]]
Sides = list[tuple[tuple[float, float], tuple[float, float]]]


def creation(token: str) -> Callable[[], bytes]:
    """Requests that each create another collection."""
    head = f"POST /api/v1/collections HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"

    def request() -> bytes:
        body = f'{{"name": "{new_id().hex}"}}'
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()

    return request


def over_http(server: str, options: argparse.Namespace) -> tuple[Pairs, Pairs]:
    """Creations a second, and a second of the service's processor time, with and without journal, round by round."""
    programs = (["service"], ["unaudited"])
    rounds = [pair for _ in range(options.starts) for pair in one_start(server, programs, options)]
    return [(one[0], other[0]) for one, other in rounds], [(one[1], other[1]) for one, other in rounds]


def one_start(server: str, programs: Sequence[Sequence[str]], options: argparse.Namespace) -> Sides:
    """Creations a second and by processor time of both programs, in processes and databases of their own, by rounds."""
    with ExitStack() as stack:
        sides = []
        for module, *flags in programs:
            url = stack.enter_context(postgres.cloned_database(server))
            env = environment(url, Path(stack.enter_context(tempfile.TemporaryDirectory())))
            asyncio.run(make_user(env))
            port = free_port()
            program = ["-m", f"benchmarks.baselines.{module}", str(port), *flags]
            process = stack.enter_context(started(program, env, port, "/readyz"))
            sides.append((Server(process, port, ""), creation(sign_in(port)[0])))

        def rates(side: int) -> tuple[float, float]:
            (service, request), before = sides[side], sides[side][0].processor_seconds()
            load = load_of(service.port, request, connections=CONNECTIONS, seconds=options.seconds)
            rate = uvloop.run(load).rate
            spent = service.processor_seconds() - before
            time.sleep(options.seconds / 2)  # so that the caller keeps within its limit of requests
            return rate, rate * options.seconds / spent

        for side in (0, 1):
            rates(side)  # so that everything is compiled, on both sides
        return [(rates(0), rates(1)) for _ in range(options.rounds)]


async def rate_of(writes: Iterable[Callable[[], Awaitable[object]]]) -> float:
    """Calls a second of so many callers at once."""
    began, waiting, count = time.perf_counter(), iter(writes), 0

    async def caller() -> None:
        nonlocal count
        for write in waiting:
            await write()
            count += 1

    await asyncio.gather(*(caller() for _ in range(CONNECTIONS)))
    return count / (time.perf_counter() - began)


async def at_the_driver(server: str, options: argparse.Namespace) -> Pairs:
    """Commits a second, with the entry in one statement and bare in a transaction. Values are made before."""
    with postgres.cloned_database(server) as url, postgres.cloned_database(server) as bare_url:
        async with (
            asyncpg.create_pool(bare_url, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool,
            asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS) as units,
            server_store("postgres", url) as store,
            upkeep(store),
        ):
            statements = UnitStatements(asyncpg_dialect())

            async def bare(name: str) -> None:
                async with pool.acquire() as connection, connection.transaction():
                    await connection.execute(INSERT, new_id(), BEGINNING, "Person", f"{name}@example.com")

            async def audited(sql: str, values: Sequence[Any]) -> None:
                async with units.acquire() as connection:
                    await connection.fetchrow(sql, *values)

            async def one_round() -> tuple[float, float]:
                made = [statements.of(unit_of_a_user(store)) for _ in range(options.commits)]
                names = [new_id().hex for _ in range(options.commits)]
                with_entry = await rate_of(partial(audited, *statement) for statement in made if statement)
                return with_entry, await rate_of(partial(bare, name) for name in names)

            return [await one_round() for _ in range(options.starts * options.rounds)]


def unit_of_a_user(store: Store) -> Unit:
    tracker = Tracker()
    tracker.add(USERS, UserFactory(email=f"{new_id().hex}@example.com"))
    changes, operation = tracker.changes(), Operation("user.create", system_actor("bench"), None)
    return Unit(changes, (), (), [journal_entry(operation, change, store.clock.now()) for change in changes], None)


def told(name: str, pairs: Pairs, bar: float | None = None) -> dict[str, Any]:
    """Prints a line on what was found, and gives it for a file."""
    ratios = sorted(one / other for one, other in pairs)
    one, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    spread = f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
    held_to = "" if bar is None else f" {bar:.2f}"
    print(
        f"{name:<24}{one:>10,.0f}/s{other:>10,.0f}/s{statistics.median(ratios):>8.2f}   {spread}{held_to}", flush=True
    )
    return {"audited": one, "without": other, "ratios": ratios, "bar": bar}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what the journal costs.")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--commits", type=int, default=4000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.sched_setaffinity(0, {OTHER_CORE})
    with postgres.postgres_server() as server:
        postgres.migrated_template(server)
        by_time, by_processor = over_http(server, options)
        driver = uvloop.run(at_the_driver(server, options))
        found = {"http": by_time, "http, processor": by_processor, "driver": driver}
    print(f"{'':<24}{'audited':>12}{'without':>12}{'ratio':>8}   of {options.starts * options.rounds} rounds, bar")
    results = {name: told(name, pairs, BARS[name]) for name, pairs in found.items()}
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
