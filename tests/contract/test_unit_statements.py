"""A unit in one statement leaves what `write_unit` leaves, refuses what it refuses, and outlives its connections."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import asyncpg

from adapters.persistence.sqlalchemy.tables.base import metadata
from adapters.persistence.sqlalchemy.unit_statements import UnitStatements
from adapters.persistence.sqlalchemy.unit_writer import Unit, write_unit
from application.shared.unit_of_work import Repeat, Rule
from domain.identity.groups import Group
from domain.knowledge.collections import Collection, Grant, Level, SubjectType
from domain.shared.errors import Conflict
from tests import postgres
from tests.contract.test_hot_reads import kill_all
from tests.factories import ApiKeyFactory, PasswordFactory, SessionFactory, UserFactory
from tests.stores import Store, server_store

STATEMENTS = UnitStatements(asyncpg.dialect())
DRAWN_ANEW = {"salt", "actor_salt", "entry_id", "number", "result"}
IN_BODIES = {"id", "actor_hash", "personal_hash"}
Keep = Callable[[Unit], Awaitable[None]]


@pytest_asyncio.fixture
async def store(postgres_url: str) -> AsyncIterator[Store]:
    async with server_store("postgres", postgres_url) as opened:
        yield opened


def fits(unit: Unit) -> bool:
    return STATEMENTS.of(unit) is not None


def watched(store: Store, keep: Keep, monkeypatch: pytest.MonkeyPatch) -> list[Unit]:
    """The units that the store is given from now on, which `keep` writes."""
    units: list[Unit] = []

    async def noted(unit: Unit) -> None:
        units.append(unit)
        await keep(unit)

    monkeypatch.setattr(store.database, "keep", noted)
    return units


async def story(store: Store) -> None:
    """Every kind of change: new, changed and removed rows, with what they own, rights, and a record of a repeat."""
    at = store.clock.now()
    user = UserFactory(id=_id(1), email="a@example.com", name="Zoë \N{GRINNING FACE}", roles=frozenset({"viewer"}))
    other = UserFactory(id=_id(2), email="b@example.com", name="B")
    group = Group(id=_id(3), created_at=at, updated_at=at, name="all", description="", members=frozenset({_id(1)}))
    everyone = frozenset({Grant(SubjectType.EVERYONE, None, Level.READ), Grant(SubjectType.USER, _id(1), Level.MANAGE)})
    data = {"year": 2020, "tags": ["a", None, {"b": 1.5}], "quote": "'\\\"$1"}
    shelf = Collection(
        id=_id(4), created_at=at, updated_at=at, name="c", description="d", metadata=data, grants=everyone
    )
    session, key = SessionFactory(id=_id(5), user=user), ApiKeyFactory(id=_id(6), owner=user, name="k", expires_at=at)
    await store.given(user, PasswordFactory(user=user))
    await store.given(other)
    await store.given(group, shelf)
    await store.given(session, key)
    repeat = Repeat(key="k", principal="p", route="r", fingerprint="f")
    async with store.operation("user.change", repeat) as uow:
        user = await uow.users.get(user.id)
        user.rename("New", at)
        user.set_roles(frozenset({"admin", "editor"}), at)
        await uow.commit("done")
    async with store.operation("group.change") as uow:
        group = await uow.groups.get(group.id)
        group.remove_member(user.id, at)
        group.add_member(other.id, at)
        await uow.commit(None)
    async with store.operation("collection.change") as uow:
        shelf = await uow.collections.get(shelf.id)
        shelf.set_grants(frozenset({Grant(SubjectType.USER, _id(1), Level.MANAGE)}), at)
        await uow.commit(None)
    async with store.operation("key.remove") as uow:
        uow.api_keys.remove(await uow.api_keys.get(key.id))
        await uow.commit(None)
    async with store.operation("user.remove") as uow:
        uow.passwords.remove(await uow.passwords.get(user.id))
        uow.users.remove(await uow.users.get(user.id))
        await uow.commit(None)


def _id(number: int) -> UUID:
    return UUID(int=number)


async def contents(store: Store) -> dict[str, list[Any]]:
    """All rows of all tables, without what is drawn anew each time."""
    found: dict[str, list[Any]] = {}
    for table in metadata.sorted_tables:
        rows = await store.database.read(lambda connection, table=table: connection.execute(select(table)).all())
        found[table.name] = sorted(repr(_kept(table.name, dict(row._mapping))) for row in rows)
    return found


def _kept(table: str, row: dict[str, Any]) -> dict[str, Any]:
    left = {name: value for name, value in row.items() if name not in DRAWN_ANEW}
    if table == "journal":
        del left["id"]
        left["body"] = {name: value for name, value in json.loads(row["body"]).items() if name not in IN_BODIES}
    return left


async def test_one_statement_leaves_what_several_do(
    store: Store, postgres_base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = watched(store, store.database.keep, monkeypatch)
    await story(store)
    assert all(map(fits, units))
    assert len(units) >= 9
    with postgres.cloned_database(postgres_base) as url:
        async with server_store("postgres", url) as usual:
            written = usual.database.write
            watched(usual, lambda unit: written(lambda connection: write_unit(connection, unit)), monkeypatch)
            await story(usual)
            assert await contents(store) == await contents(usual)


async def test_what_locks_or_is_not_checked_is_written_in_a_transaction(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = watched(store, store.database.keep, monkeypatch)
    user = UserFactory(roles=frozenset({"admin"}))
    await store.given(user, PasswordFactory(user=user))
    async with store.operation("guarded") as uow:
        uow.guard(Rule("identity.last_administrator", Conflict), user.id)
        (await uow.users.get(user.id)).rename("New", store.clock.now())
        await uow.commit(None)
    async with store.operation("queue") as uow:
        uow.jobs.queue("ingest", user.id, None)
        await uow.commit(None)
    assert [fits(unit) for unit in units] == [True, False, False]
    assert (await store.stored("users", user.id)).name == "New"


async def test_a_changed_row_is_refused_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unit that comes too late is the first one once more: its version check finds nothing."""
    units = watched(store, store.database.keep, monkeypatch)
    user = UserFactory()
    await store.given(user)
    async with store.operation("rename") as uow:
        (await uow.users.get(user.id)).rename("New", store.clock.now())
        await uow.commit(None)
    before = await contents(store)
    sql, values = STATEMENTS.of(units[-1]) or ("", [])
    with pytest.raises(Conflict):
        await store.database.write(lambda connection: connection.exec_driver_sql(sql, tuple(values)))
    assert await contents(store) == before


async def test_writes_go_on_when_all_connections_were_lost(store: Store, postgres_url: str) -> None:
    for _ in range(5):
        await asyncio.gather(*(store.given(UserFactory()) for _ in range(20)))
        await kill_all(postgres_url)
    await store.given(UserFactory())
    assert len(await store.entries()) == 101
