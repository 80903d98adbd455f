"""Reads on the driver give what reads through SQLAlchemy give, and outlive their connections."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import String, bindparam, func, insert, select, text, update

from adapters.persistence.conflicts import MAPPINGS
from adapters.persistence.sqlalchemy import driver
from adapters.persistence.sqlalchemy.driver import HELD_SECONDS
from adapters.persistence.sqlalchemy.engine import ServerDatabase, database_url
from adapters.persistence.sqlalchemy.pools import PoolTerms
from adapters.persistence.sqlalchemy.rows import aggregate_row
from adapters.persistence.sqlalchemy.tables.identity import RIGHTS, epochs
from domain.identity.groups import Group
from domain.identity.roles import CustomRole
from domain.knowledge.collections import Collection
from domain.shared.actor import Permission
from domain.shared.errors import FastOpsError
from domain.shared.values import new_id
from tests.factories import ApiKeyFactory, PasswordFactory, SessionFactory, UserFactory
from tests.stores import Store, server_store
from tests.waiting import GIVE_UP_SECONDS

POOL = 3


@pytest_asyncio.fixture
async def store(postgres_url: str) -> AsyncIterator[Store]:
    async with server_store("postgres", postgres_url) as opened:
        yield opened


async def given_one_of_each(store: Store) -> dict[str, Any]:
    """Aggregates by the kind of their mapping, with odd values where a driver might stumble."""
    at = store.clock.now()
    user = UserFactory(name="Zoë \N{GRINNING FACE}", roles=frozenset({"viewer", "admin"}))
    group = Group.create(name="all", description="", at=at)
    group.add_member(user.id, at)
    role = CustomRole.create(name="r", description="ä", permissions=frozenset({Permission.SEARCH}), at=at)
    metadata = {"year": 2020, "tags": ["a", None, {"b": 1.5}]}
    collection = Collection.create(name="c", description="", metadata=metadata, manager_id=user.id, at=at)
    made = {
        "user": user,
        "password": PasswordFactory(user=user),
        "session": SessionFactory(user=user),
        "api_key": ApiKeyFactory(owner=user, expires_at=at, allowed_cidrs=("10.0.0.0/8",)),
        "group": group,
        "role": role,
        "collection": collection,
    }
    await store.given(user)
    await store.given(*list(made.values())[1:])
    return made


async def test_rows_are_those_of_the_ordinary_way(store: Store) -> None:
    made = await given_one_of_each(store)
    for mapping in MAPPINGS:
        if mapping.kind not in made:
            continue
        one = made[mapping.kind].id
        usual = await store.database.read(partial(aggregate_row, mapping=mapping, id=one))
        assert await store.database.row(mapping, one) == usual
        assert usual is not None
        assert await store.database.row(mapping, new_id()) is None


async def kill_all(url: str) -> None:
    other = ServerDatabase(database_url(url), pool_size=1, max_overflow=0, pool_timeout=5, pool_recycle=60)
    kill = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND datname = current_database()"
    )
    await other.read(lambda connection: connection.execute(kill).all())
    await other.close()


async def test_reads_go_on_when_all_connections_were_lost(store: Store, postgres_url: str) -> None:
    user = (await given_one_of_each(store))["user"]
    users = next(mapping for mapping in MAPPINGS if mapping.kind == "user")
    for _ in range(5):
        rows = await asyncio.gather(*(store.database.row(users, user.id) for _ in range(20)))
        assert {row["email"] for row in rows if row} == {user.email}
        await kill_all(postgres_url)


async def test_what_writes_goes_on_when_all_connections_were_lost(store: Store, postgres_url: str) -> None:
    began = await moved(store)
    for step in range(1, 6):
        await kill_all(postgres_url)
        assert await moved(store) == began + step


async def test_what_the_server_refuses_to_write_is_told_as_in_the_ordinary_way(store: Store) -> None:
    taken = insert(epochs).values(name=RIGHTS, number=bindparam("number")).returning(epochs.c.number)
    with pytest.raises(FastOpsError) as hotly:
        await store.database.change(taken, {"number": 1})
    with pytest.raises(FastOpsError) as usual:
        await store.database.write(lambda connection: connection.execute(taken, {"number": 1}).one())
    assert (hotly.value.code, hotly.value.detail) == (usual.value.code, usual.value.detail)


async def moved(store: Store) -> int:
    by = update(epochs).where(epochs.c.name == RIGHTS).values(number=epochs.c.number + bindparam("by"))
    (number,) = await store.database.change(by.returning(epochs.c.number), {"by": 1})
    return int(number)


async def test_more_callers_than_connections_all_get_their_turn(postgres_url: str) -> None:
    database = ServerDatabase(
        database_url(postgres_url), pool_size=POOL, max_overflow=0, pool_timeout=20, pool_recycle=3600
    )
    users = next(mapping for mapping in MAPPINGS if mapping.kind == "user")

    async def both() -> tuple[Any, Any]:
        row = await database.row(users, new_id())
        return row, await database.read(lambda connection: connection.execute(text("SELECT 1")).scalar())

    for _ in range(2):
        assert await asyncio.gather(*(both() for _ in range(100))) == [(None, 1)] * 100
    await asyncio.sleep(2 * HELD_SECONDS)  # so that what is held has rested
    assert await asyncio.gather(*(both() for _ in range(100))) == [(None, 1)] * 100
    await database.close()


BACKEND = select(func.pg_backend_pid())
OTHERS = select(func.count()).select_from(text("pg_stat_activity WHERE datname = current_database()"))


async def test_a_connection_that_is_always_in_use_is_replaced_at_its_age(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "PASSED_ON_SECONDS", 0.1)
    terms: PoolTerms = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 20, "pool_recycle": 1}
    database = ServerDatabase(database_url(postgres_url), **terms)
    met = set()
    for _ in range(60):
        met.add((await database.rows(BACKEND, {}))[0][0])
        await asyncio.sleep(0.05)
    assert len(met) > 1
    await database.close()


async def test_connections_beyond_the_pool_are_closed_when_they_are_not_needed(postgres_url: str) -> None:
    terms: PoolTerms = {"pool_size": 1, "max_overflow": 3, "pool_timeout": 20, "pool_recycle": 3600}
    database = ServerDatabase(database_url(postgres_url), **terms)
    slowly = select(func.pg_sleep(0.2).cast(String))
    await asyncio.gather(*(database.rows(slowly, {}) for _ in range(4)))
    assert (await database.rows(OTHERS, {}))[0][0] == 4
    await asyncio.sleep(2 * HELD_SECONDS)
    await database.read(lambda connection: connection.execute(BACKEND).scalar())
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while (await database.rows(OTHERS, {}))[0][0] > 1:  # noqa: ASYNC110 (the server tells of no event)
            await asyncio.sleep(0.01)
    await database.close()


async def test_a_value_that_is_missing_is_no_null(store: Store) -> None:
    named = select(epochs.c.number).where(epochs.c.name == bindparam("name"), epochs.c.number >= bindparam("least"))
    with pytest.raises(KeyError):
        await store.database.rows(named, {"name": RIGHTS})
    assert await store.database.rows(named, {"name": RIGHTS, "least": 0})


async def test_a_caller_who_gives_up_leaves_the_connection_whole(store: Store) -> None:
    user = (await given_one_of_each(store))["user"]
    users = next(mapping for mapping in MAPPINGS if mapping.kind == "user")
    for _ in range(50):
        reading = asyncio.create_task(store.database.row(users, user.id))
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert (await store.database.row(users, user.id))["email"] == user.email
