"""What a page of a list costs in large tables against small ones, on PostgreSQL, in one run.

    python -m benchmarks.pages [--rows 1000000] [--small 1000] [--rounds 9] [--json PATH]

First pages, pages in the middle by cursor, and filtered ones, of 50 items each, but of one where the value is rare, so
that both sides show as much. Databases take turns; each figure is the median of its rounds. Filters by a part of a name
look at all names (see `docs/guide/api.md`) and have no bar. Starts a server of its own and fills it, which takes
minutes; give TEST_POSTGRES_URL for another one.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from domain.shared.actor import system_actor
from domain.shared.entity import plain
from domain.shared.values import Cursor, ListQuery, Sort
from tests import many_rows, postgres
from tests.many_rows import FIRST
from tests.stores import Store, server_store

LIMIT, BAR = 50, 2.5
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
OWNER, COLLECTION = UUID(int=FIRST), UUID(int=FIRST + 1)
TABLES = ("users", "user_roles", "api_keys", "collections", "documents", "jobs", "journal", "journal_order")
EVERYBODY = system_actor("benchmark")
Read = Callable[[Store, ListQuery], Awaitable[Any]]
LISTS: dict[str, tuple[Read, str, list[dict[str, Any]]]] = {
    "users": (
        lambda store, query: store.lists.users(query),
        "created_at",
        [{"status": "active"}, {"status": "disabled"}, {"role": "viewer"}, {"role": "editor"}],
    ),
    "users by name": (lambda store, query: store.lists.users(query), "name", [{"status": "disabled"}]),
    "users by email": (lambda store, query: store.lists.users(query), "email", []),
    "api keys by name": (lambda store, query: store.lists.api_keys(None, query), "name", []),
    "collections": (lambda store, query: store.reads.collections(EVERYBODY, query), "created_at", []),
    "documents": (
        lambda store, query: store.reads.documents(COLLECTION, query),
        "created_at",
        [
            {"status": "ready"},
            {"status": "failed"},
            {"media_type": "application/pdf"},
            {"external_id": f"x{FIRST + 2}"},
        ],
    ),
    "jobs": (lambda store, query: store.job_lists.jobs(EVERYBODY, query), "created_at", [{"kind": "erase"}]),
    "audit events": (
        lambda store, query: store.audit.events(query),
        "at",
        [{"action": "document.add"}, {"action": "user.create"}, {"actor": str(OWNER)}],
    ),
}
RARE = {"disabled", "editor", "failed", "application/pdf", "erase", "user.create", f"x{FIRST + 2}"}
ANYWHERE = {"users": {"q": "absent"}, "collections": {"q": "absent"}}


def queries(rows: int) -> dict[str, tuple[Read, ListQuery]]:
    """The pages by what they are, for tables of so many rows."""
    found: dict[str, tuple[Read, ListQuery]] = {}
    for name, (read, key, filters) in LISTS.items():
        sort = Sort(key, descending=key in {"created_at", "at"})
        found[f"{name}, first"] = read, ListQuery(LIMIT, sort)
        found[f"{name}, middle"] = read, ListQuery(LIMIT, sort, middle(rows, key))
        for chosen in filters:
            ((column, value),) = chosen.items()
            limit = 1 if value in RARE else LIMIT
            found[f"{name}, {column} {value[:15]}"] = read, ListQuery(limit, sort, filters=chosen)
        if name in ANYWHERE:
            found[f"{name}, q"] = read, ListQuery(LIMIT, sort, filters=ANYWHERE[name])
    return found


def middle(rows: int, key: str) -> Cursor:
    """Half way through, as the rows are made: times and names grow with the number."""
    number = FIRST + rows // 2
    values = {"name": f"x{number}", "email": f"x{number}@example.net"}
    value = values.get(key) or str(plain(BEGINNING + timedelta(seconds=number)))
    return Cursor(value, str(UUID(int=number)))


async def filled(stack: AsyncExitStack, server: str, rows: int) -> Store:
    url = stack.enter_context(postgres.cloned_database(server))
    connection = await asyncpg.connect(url)
    await many_rows.fill(connection, rows, {"users": OWNER, "collections": COLLECTION}, TABLES)
    await connection.close()
    store: Store = await stack.enter_async_context(server_store("postgres", url))
    return store


async def measure(server: str, options: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """Milliseconds of each page in the small and in the large database."""
    async with AsyncExitStack() as stack:
        sizes = (options.small, options.rows)
        sides = [(await filled(stack, server, rows), queries(rows)) for rows in sizes]
        took: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in sides[0][1]}
        for _ in range(options.rounds + 1):
            for name, both in took.items():
                for (store, asked), seconds in zip(sides, both, strict=True):
                    read, query = asked[name]
                    began = time.perf_counter()
                    await read(store, query)
                    seconds.append(time.perf_counter() - began)
        # The first round compiles statements and fills caches.
        return {name: _medians(*both) for name, both in took.items()}


def _medians(small: list[float], large: list[float]) -> tuple[float, float]:
    return statistics.median(small[1:]) * 1000, statistics.median(large[1:]) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure pages of lists in large tables against small ones.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--small", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with postgres.postgres_server() as server:
        postgres.migrated_template(server)
        found = asyncio.run(measure(server, options))
    print(f"{'':<36}{options.small:>10,}{options.rows:>12,}   rows, milliseconds a page; bar {BAR}")
    for name, (small, large) in found.items():
        print(f"{name:<36}{small:>10.2f}{large:>12.2f}{large / small:>8.2f}{'' if ', q' in name else '   x'}")
    barred = max(large / small for name, (small, large) in found.items() if ", q" not in name)
    print(f"worst ratio with a bar: {barred:.2f}")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
