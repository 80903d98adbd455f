"""Reads on a real streaming replica, one that stands still, one that dies: own writes are seen, rights stay fresh."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from adapters.persistence.sqlalchemy import migrations, replicas
from adapters.persistence.sqlalchemy.engine import ServerDatabase, database_url
from adapters.persistence.sqlalchemy.pools import PoolTerms
from adapters.persistence.sqlalchemy.replicas import Freshness
from domain.shared.values import ListQuery, Sort
from tests.conftest import needed
from tests.factories import UserFactory
from tests.http.service import a_service, postgres_settings
from tests.postgres_cluster import DURABLE, Cluster, private_cluster, streaming_replica
from tests.stores import Store, sql_store
from tests.waiting import until

TERMS = PoolTerms(pool_size=5, max_overflow=0, pool_timeout=5, pool_recycle=3600)
NEWEST = ListQuery(limit=5, sort=Sort("created_at", descending=True))
IN_RECOVERY = text("SELECT pg_is_in_recovery()")


@pytest.fixture(scope="module")
def primary() -> Iterator[Cluster]:
    with needed(private_cluster(*DURABLE)) as cluster:
        migrations.upgrade(f"{cluster.url}/postgres")
        where = ["-h", "127.0.0.1", "-p", str(cluster.port), "-U", "fastops"]
        cluster.run("createdb", *where, "-T", "postgres", "service")
        yield cluster


@pytest.fixture
def replica(primary: Cluster) -> Iterator[Cluster]:
    with streaming_replica(primary) as cluster:
        yield cluster


@asynccontextmanager
async def opened(primary: Cluster, *others: Cluster) -> AsyncIterator[Store]:
    """A store of a process of its own, as far as what it has written and seen goes."""
    urls = [database_url(f"{cluster.url}/postgres") for cluster in (primary, *others)]
    database = ServerDatabase(urls[0], replicas=urls[1:], **TERMS)
    try:
        yield sql_store("postgres", database)
    finally:
        await database.close()


async def answered_by_replica(database: Any, freshness: Freshness = Freshness.SEEN) -> bool:
    return bool(await database.read(lambda connection: connection.execute(IN_RECOVERY).scalar(), freshness))


async def until_it(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 (it is asked of servers, which tell nobody)
            await asyncio.sleep(0.02)


async def until_replica_answers(store: Store) -> None:
    await until_it(lambda: answered_by_replica(store.database))


async def paused(replica: Cluster, does: str) -> None:
    """Have the replica stand still, or go on."""
    database = ServerDatabase(database_url(f"{replica.url}/postgres"), **TERMS)
    await database.read(lambda c: c.execute(text(f"SELECT pg_wal_replay_{does}()")).all())
    await database.close()


async def test_lists_come_from_the_replica_and_hold_what_was_just_written(primary: Cluster, replica: Cluster) -> None:
    async with opened(primary, replica) as store:
        await until_replica_answers(store)
        by_replica = 0
        for _ in range(30):
            user = UserFactory()
            await store.given(user)
            assert user.id in {view.id for view in (await store.lists.users(NEWEST)).items}
            by_replica += await answered_by_replica(store.database)
        assert by_replica


async def test_what_a_change_builds_on_is_read_from_the_primary(primary: Cluster, replica: Cluster) -> None:
    async with opened(primary, replica) as store, opened(primary) as other:
        user = UserFactory(roles=frozenset({"viewer"}))
        await store.given(user)
        await until_replica_answers(store)
        await paused(replica, "pause")
        async with other.operation("user.disable") as uow:
            (await uow.users.get(user.id)).disable(store.clock.now())
            await uow.commit(None)
        principal = await store.principals.of_user(user.id)
        assert principal is not None
        assert not principal.active
        assert await store.rights_epoch.current() == await other.rights_epoch.current()
        async with store.operation("look") as uow:
            assert (await uow.users.get(user.id)).status == "disabled"
        assert not await answered_by_replica(store.database, Freshness.PRIMARY)
        assert not await answered_by_replica(store.database, Freshness.COMMITTED)
        await paused(replica, "resume")
        await until_replica_answers(store)


async def test_one_that_stands_still_is_passed_over_for_own_writes_and_comes_back(
    primary: Cluster, replica: Cluster
) -> None:
    async with opened(primary, replica) as store:
        await until_replica_answers(store)
        await paused(replica, "pause")
        user = UserFactory()
        await store.given(user)
        assert user.id in {view.id for view in (await store.lists.users(NEWEST)).items}
        assert not await answered_by_replica(store.database)
        await paused(replica, "resume")
        await until_replica_answers(store)


async def test_one_that_is_too_far_behind_is_passed_over_by_those_who_wrote_nothing(
    primary: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "LAG_SECONDS", 0.5)
    monkeypatch.setattr(replicas, "LOOK_SECONDS", 0.1)
    async with AsyncExitStack() as stack:
        late = stack.enter_context(streaming_replica(primary, "recovery_min_apply_delay=1h"))
        reader = await stack.enter_async_context(opened(primary, late))
        writer = await stack.enter_async_context(opened(primary))
        await until_replica_answers(reader)
        user = UserFactory()
        await writer.given(user)

        async def sees() -> bool:
            return user.id in {view.id for view in (await reader.lists.users(NEWEST)).items}

        await until_it(sees)
        assert not await answered_by_replica(reader.database)


async def test_what_the_index_loads_is_never_older_than_the_journal_it_has_read(
    primary: Cluster, replica: Cluster
) -> None:
    async with opened(primary, replica) as reader, opened(primary) as writer:
        await until_replica_answers(reader)
        key = "blob"
        for n in range(30):
            await writer.blobs.delete(key)
            await writer.blobs.put(key, str(n).encode())
            assert await reader.blobs.read(key) == str(n).encode()


async def test_a_service_goes_on_when_its_replica_dies_and_uses_it_again(
    primary: Cluster, replica: Cluster, tmp_path: Path
) -> None:
    replica_url = f"{replica.url}/service"
    settings = postgres_settings(f"{primary.url}/service", tmp_path, database_replica_urls=replica_url)
    async with a_service(settings) as service:
        database = service.container.persistence.database()
        admin, ended, answers = await service.person("admin"), False, []

        async def use(name: str) -> None:
            for n in range(10_000):
                made = await admin.post("/collections", {"name": f"{name} {n}"})
                listed = await admin.get("/users?limit=5")
                answers.append((made.status_code, listed.status_code))
                if ended:
                    return

        users = [asyncio.create_task(use(f"client {n}")) for n in range(4)]
        await until_it(lambda: answered_by_replica(database))
        before = len(answers)
        replica.stop(signal.SIGKILL)
        await until(lambda: len(answers) > before + 50)
        assert not await answered_by_replica(database)
        await asyncio.to_thread(replica.start)
        await until_it(lambda: answered_by_replica(database))
        ended = True
        await asyncio.gather(*users)
        assert set(answers) == {(201, 200)}
