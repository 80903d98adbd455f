"""Reads on a real replica of MariaDB, followed by its GTID: own writes are seen, one that stands still is left out."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from adapters.persistence.sqlalchemy.engine import ServerDatabase, database_url
from adapters.persistence.sqlalchemy.pools import PoolTerms
from adapters.persistence.sqlalchemy.replicas import Freshness
from domain.shared.values import ListQuery
from tests.conftest import needed
from tests.factories import UserFactory
from tests.mariadb import mariadb_server, migrated_database, run
from tests.stores import Store, sql_store

REPLICA = 2
WHO = text("SELECT @@server_id")
FOLLOW = (
    "CHANGE MASTER TO master_host='127.0.0.1', master_port={port}, master_user='root', master_use_gtid=slave_pos",
    "START SLAVE",
)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[str, str]]:
    """URLs of a migrated database on a primary and on the replica that follows it."""
    with (
        needed(mariadb_server("--log-bin", "--server-id=1")) as primary,
        needed(mariadb_server(f"--server-id={REPLICA}")) as replica,
        migrated_database(primary) as database,
    ):
        run(replica, *(statement.format(port=make_url(primary).port) for statement in FOLLOW))
        yield database.url, f"{replica}/{make_url(database.url).database}"


@asynccontextmanager
async def opened(primary: str, replica: str) -> AsyncIterator[Store]:
    terms = PoolTerms(pool_size=5, max_overflow=0, pool_timeout=5, pool_recycle=3600)
    database = ServerDatabase(database_url(primary), replicas=[database_url(replica)], **terms)
    try:
        yield sql_store("mariadb", database)
    finally:
        await database.close()


async def answered_by_replica(store: Store, freshness: Freshness = Freshness.SEEN) -> bool:
    return bool(await store.database.read(lambda c: c.execute(WHO).scalar() == REPLICA, freshness))


async def until_replica_answers(store: Store) -> None:
    async with asyncio.timeout(60):
        while not await answered_by_replica(store):  # noqa: ASYNC110 (it is asked of servers, which tell nobody)
            await asyncio.sleep(0.02)


async def test_own_writes_are_seen_and_one_that_stands_still_is_passed_over(servers: tuple[str, str]) -> None:
    async with opened(*servers) as store:

        async def is_listed_when_written() -> bool:
            user = UserFactory()
            await store.given(user)
            return user.id in {view.id for view in (await store.lists.users(ListQuery(limit=100))).items}

        await until_replica_answers(store)
        assert all([await is_listed_when_written() for _ in range(20)])
        await until_replica_answers(store)
        run(servers[1], "STOP SLAVE SQL_THREAD")
        assert await is_listed_when_written()
        assert not await answered_by_replica(store)
        assert not await answered_by_replica(store, Freshness.COMMITTED)
        run(servers[1], "START SLAVE SQL_THREAD")
        await until_replica_answers(store)
