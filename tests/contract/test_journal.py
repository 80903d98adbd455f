"""The journal on every store: nothing missed, nothing twice, one keeper at a time, and what followers set aside."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.persistence.sqlalchemy.engine import database_url
from adapters.persistence.sqlalchemy.tables.journal import journal, journal_pending
from application.shared.journal import ATTEMPTS_MAX, JOURNAL_LEASE, FollowerState, LeaseLost, SetAside
from domain.identity.errors import EmailTaken
from domain.identity.users import User, UserChanged, UserCreated, UserDeleted
from domain.shared.values import new_id
from entrypoints.worker.journal import JournalDuty
from tests.stores import KEEPER, Store, server_store

SERVERS = ("postgres", "mariadb")
"""Stores on which committed entries wait for a position."""


async def given(store: Store, *names: str) -> None:
    for name in names:
        await store.given(User.register(name=name, email=f"{name}@example.com", at=store.clock.now()))


def aside(store: Store, position: int, target: str = "t", **members: Any) -> SetAside:
    now = store.clock.now()
    usual = {"follower": "f", "attempts": 1, "error": "boom", "at": now, "retry_at": now}
    return SetAside(position=position, target_type="user", target_id=target, **(usual | members))


async def test_readers_miss_nothing_while_many_write(store: Store) -> None:
    await store.leases.hold(JOURNAL_LEASE, KEEPER, 60)
    seen: list[str] = []
    writing = asyncio.gather(*(given(store, f"u{n}") for n in range(40)))
    position = 0
    while len(seen) < 40:
        await asyncio.sleep(0)
        await store.keeper.order(KEEPER)
        for entry in await store.journal.after(position):
            assert entry.position == position + 1
            position = entry.position
            seen.append(entry.target_id)
    await writing
    assert len(set(seen)) == 40
    assert await store.journal.head() == 40


async def test_those_who_follow_some_events_are_spared_the_others(store: Store) -> None:
    user = User.register(name="ada", email="ada@example.com", at=store.clock.now())
    await store.given(user)
    for name in ("eve", UserChanged.name, "bob"):
        await given(store, name)
        async with store.operation("rename") as uow:
            (await uow.users.get(user.id)).rename(f"ada {name}", store.clock.now())
            await uow.commit(None)
    await store.order()

    async def positions(*events: str, after: int = 0, limit: int = 10, until: int = 7) -> list[int]:
        found = await store.journal.after(after, limit, until=until, events=frozenset(events))
        assert all(after < entry.position <= until for entry in found)
        return [entry.position for entry in found if entry.tells(frozenset(events))]

    assert await positions(UserChanged.name) == [3, 5, 7]
    assert await positions(UserChanged.name, after=3, until=6) == [5]
    assert await positions(UserChanged.name, limit=2) == [3, 5]
    assert await positions(UserCreated.name, UserChanged.name) == [1, 2, 3, 4, 5, 6, 7]
    assert not await store.journal.after(0, until=7, events=frozenset())
    assert not await store.journal.after(0, until=7, events=frozenset({UserChanged.name.replace("_", "-")}))
    assert not await store.journal.after(0, until=7, events=frozenset({UserDeleted.name.replace("deleted", "%")}))


async def test_refused_work_leaves_no_gap_in_the_order(store: Store) -> None:
    await given(store, "ada")
    with pytest.raises(EmailTaken):
        await given(store, "ada")
    await given(store, "eve")
    assert [entry.position for entry in await store.entries()] == [1, 2]


@pytest.mark.parametrize("server", SERVERS)
async def test_an_entry_that_commits_late_is_not_passed_over(server: str, request: pytest.FixtureRequest) -> None:
    """Its number was drawn first, and its neighbour was ordered before it became visible."""
    late = {"id": new_id(), "operation": "late", "actor_type": "system", "request_id": "-", "target_type": "user"}
    late |= {"target_id": "x", "version": 1, "outcome": "success", "body": '{"events": []}'}
    url = request.getfixturevalue(f"{server}_url")
    beside = create_async_engine(database_url(url))
    async with server_store(server, url) as store:
        async with beside.connect() as connection:
            await connection.execute(insert(journal).values(late | {"at": store.clock.now()}))
            number = select(journal.c.number).where(journal.c.id == late["id"])
            await connection.execute(insert(journal_pending).from_select(["number"], number))
            await given(store, "quick")
            assert [entry.operation for entry in await store.entries()] == ["given"]
            await connection.commit()
        entries = await store.entries()
        assert [(entry.position, entry.operation) for entry in entries] == [(1, "given"), (2, "late")]
    await beside.dispose()


async def test_whoever_lost_the_lease_writes_nothing_any_more(store: Store) -> None:
    await given(store, "ada")
    await store.order()
    await given(store, "eve")
    store.clock.forward(seconds=61)
    assert await store.leases.hold(JOURNAL_LEASE, "other", 5)
    with pytest.raises(LeaseLost):
        await store.keeper.seal(KEEPER)
    if store.name in SERVERS:
        with pytest.raises(LeaseLost):
            await store.keeper.order(KEEPER)
    await store.keeper.order("other")
    assert await store.keeper.seal("other") == 2
    assert (await store.overview.state()).sealed == 2


async def test_two_keepers_at_once_number_everything_once(store: Store) -> None:
    """The lease changes hands in the middle, again and again."""
    await given(store, *(f"u{n}" for n in range(10)))

    async def keep(holder: str) -> None:
        for _ in range(20):
            store.clock.forward(seconds=6)
            try:
                await store.leases.hold(JOURNAL_LEASE, holder, 5)
                await store.keeper.order(holder)
                await store.keeper.seal(holder)
            except LeaseLost:
                continue

    await asyncio.gather(keep("a"), keep("b"), given(store, *(f"v{n}" for n in range(10))))
    store.clock.forward(seconds=6)
    await store.seal()
    entries = await store.journal.after(0)
    assert [entry.position for entry in entries] == list(range(1, 21))
    assert len({entry.id for entry in entries}) == 20


async def test_the_loops_of_one_process_do_not_contend_for_the_lease(store: Store) -> None:
    duty = JournalDuty(store.leases, "me")
    assert all(await asyncio.gather(*(duty.is_mine() for _ in range(4))))
    assert not await JournalDuty(store.leases, "other").is_mine()


async def test_positions_only_move_forward(store: Store) -> None:
    assert await store.positions.read("index") == 0
    await store.positions.move("index", 5)
    await store.positions.move("index", 3)
    assert await store.positions.read("index") == 5


async def test_of_each_target_the_first_entry_is_due(store: Store) -> None:
    later = store.clock.now() + timedelta(minutes=1)
    for item in (
        aside(store, 1, "a"),
        aside(store, 2, "a", attempts=0),
        aside(store, 3, "b", retry_at=later),
        aside(store, 4, "c", attempts=ATTEMPTS_MAX),
        aside(store, 5, "c", attempts=0),
        aside(store, 6, "a", follower="other"),
        aside(store, 7, "d"),
    ):
        await store.set_asides.put(item)
    assert [item.position for item in await store.set_asides.due("f", store.clock.now(), 10)] == [1, 7]
    assert [item.position for item in await store.set_asides.due("f", store.clock.now(), 1)] == [1]
    assert await store.set_asides.targets("f") == {("user", name) for name in "abcd"}
    assert await store.set_asides.remove("f", 1)
    assert not await store.set_asides.remove("f", 1)
    store.clock.forward(minutes=2)
    assert [item.position for item in await store.set_asides.due("f", store.clock.now(), 10)] == [2, 3, 7]


async def test_poison_waits_until_it_is_renewed(store: Store) -> None:
    first, second = aside(store, 1, "a", attempts=ATTEMPTS_MAX), aside(store, 2, "b", attempts=ATTEMPTS_MAX)
    for item in (first, second, aside(store, 3, "c")):
        await store.set_asides.put(item)
    assert await store.set_asides.poison(10) == [first, second]
    now = store.clock.now()
    assert await store.set_asides.renew(now, "f", 9) == 0
    assert await store.set_asides.renew(now, "f", 2) == 1
    assert await store.set_asides.poison(10) == [first]
    assert await store.set_asides.renew(now) == 1
    due = await store.set_asides.due("f", store.clock.now(), 10)
    assert [(item.position, item.attempts) for item in due] == [(1, 0), (2, 0), (3, 1)]


async def test_the_state_tells_what_waits_and_for_whom(store: Store) -> None:
    empty = await store.overview.state()
    assert (empty.head, empty.sealed, empty.unnumbered, empty.keeper, empty.followers) == (0, 0, 0, None, [])
    await given(store, "ada")
    assert (await store.overview.state()).unnumbered == (1 if store.name in SERVERS else 0)
    await store.seal()
    await given(store, "eve")
    await store.order()
    await store.positions.move("f", 1)
    await store.set_asides.put(aside(store, 1))
    await store.set_asides.put(aside(store, 2, follower="g", attempts=ATTEMPTS_MAX))
    state = await store.overview.state()
    assert (state.head, state.sealed, state.unnumbered, state.keeper) == (2, 1, 0, KEEPER)
    assert state.followers == [
        FollowerState(name="f", position=1, waiting=1),
        FollowerState(name="g", position=0, poison=1),
    ]
