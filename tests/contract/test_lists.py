"""Lists, on every store: pages partition, filters and sorts agree, and everything starts from what is readable."""

from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.identity.users import User
from domain.knowledge.collections import Collection, Grant, Level, SubjectType
from domain.shared.actor import Actor, ActorType, system_actor
from domain.shared.errors import Invalid, Malformed
from domain.shared.values import Cursor, ListQuery, Sort, new_id
from tests.stores import Store, memory_store


def users(store: Store, count: int) -> list[User]:
    made = []
    for n in range(count):
        roles = frozenset({"editor"}) if n % 2 else frozenset({"viewer"})
        made.append(User.register(name=f"N{n % 3}", email=f"u{n}@example.com", roles=roles, at=store.clock.now()))
    return made


async def all_pages(store: Store, query: ListQuery) -> list[UUID]:
    seen: list[UUID] = []
    cursor = None
    while True:
        page = await store.lists.users(ListQuery(query.limit, query.sort, cursor, query.filters))
        assert len(page.items) <= query.limit
        seen += [user.id for user in page.items]
        if page.next is None:
            return seen
        cursor = page.next


@pytest.mark.parametrize("sort", [Sort(), Sort("created_at", False), Sort("name", False), Sort("email", True)])
async def test_pages_partition_the_list(store: Store, sort: Sort) -> None:
    made = users(store, 11)
    await store.given(*made)
    seen = await all_pages(store, ListQuery(3, sort))
    assert len(seen) == 11
    assert set(seen) == {user.id for user in made}
    ordered = sorted(made, key=lambda user: (getattr(user, sort.key), user.id), reverse=sort.descending)
    assert seen == [user.id for user in ordered]


async def test_rows_that_come_and_go_disturb_nobody_else(store: Store) -> None:
    made = users(store, 6)
    await store.given(*made)
    first = await store.lists.users(ListQuery(3, Sort("created_at", False)))
    await store.given(User.register(name="New", email="new@example.com", at=store.clock.now()))
    async with store.operation("user.delete") as uow:
        uow.users.remove(await uow.users.get(made[0].id))
        await uow.commit(None)
    rest = await store.lists.users(ListQuery(10, Sort("created_at", False), first.next))
    assert [user.email for user in rest.items] == [*(user.email for user in made[3:]), "new@example.com"]


@pytest.mark.parametrize(
    ("filters", "emails"),
    [
        ({"email": "u3@example.com"}, {"u3"}),
        ({"role": "editor"}, {"u1", "u3"}),
        ({"role": "editor", "q": "U1@"}, {"u1"}),
        ({"q": "%"}, set()),
        ({"status": "disabled"}, set()),
        ({"q": "n2"}, {"u2"}),
    ],
)
async def test_filters_narrow(store: Store, filters: dict[str, str], emails: set[str]) -> None:
    await store.given(*users(store, 5))
    page = await store.lists.users(ListQuery(filters=filters))
    assert {user.email.split("@")[0] for user in page.items} == emails


async def test_what_a_list_does_not_know_is_refused(store: Store) -> None:
    await store.given(*users(store, 2))
    with pytest.raises(Invalid):
        await store.lists.users(ListQuery(sort=Sort("status")))
    with pytest.raises(Invalid):
        await store.lists.users(ListQuery(filters={"password": "x"}))
    with pytest.raises(Malformed):
        await store.lists.users(ListQuery(cursor=Cursor("no time", str(new_id()))))
    with pytest.raises(Malformed):
        await store.lists.users(ListQuery(cursor=Cursor("2026-01-01T00:00:00Z", "no id")))


async def test_collections_are_seen_by_whom_they_are_granted_to(store: Store) -> None:
    me, other, group = new_id(), new_id(), new_id()
    at = store.clock.now()
    mine, theirs, all_of_us, of_group = (
        Collection.create(name=name, description="", metadata={}, manager_id=manager, at=at)
        for name, manager in (("mine", me), ("theirs", other), ("all", other), ("group", other))
    )
    all_of_us.set_grants(all_of_us.grants | {Grant(SubjectType.EVERYONE, None, Level.READ)}, at)
    of_group.set_grants(of_group.grants | {Grant(SubjectType.GROUP, group, Level.READ)}, at)
    await store.given(mine, theirs, all_of_us, of_group)
    member = Actor(type=ActorType.USER, user_id=me, group_ids=frozenset({group}))
    for actor, names in (
        (member, {"mine", "all", "group"}),
        (Actor(type=ActorType.USER, user_id=me), {"mine", "all"}),
        (Actor(type=ActorType.USER, user_id=new_id()), {"all"}),
        (Actor(type=ActorType.ANONYMOUS), set()),
    ):
        page = await store.reads.collections(actor, ListQuery())
        assert {view.name for view in page.items} == names
        assert await store.reads.readable(actor) == {view.id for view in page.items}
    assert await store.reads.readable(system_actor("test")) is None
    assert len((await store.reads.collections(system_actor("test"), ListQuery())).items) == 4
    assert [view.id for view in await store.reads.collections_named(member, "mine")] == [mine.id]
    assert await store.reads.collections_named(member, "theirs") == []


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(names=st.lists(st.sampled_from(["a", "B", "ä", "é", "aa"]), max_size=12), limit=st.integers(1, 5))
async def test_any_list_is_partitioned_by_its_pages(names: list[str], limit: int) -> None:
    store = memory_store()
    for n, name in enumerate(names):
        await store.given(User.register(name=name, email=f"u{n}@example.com", at=store.clock.now()))
    seen = await all_pages(store, ListQuery(limit, Sort("name", False)))
    assert len(seen) == len(set(seen)) == len(names)
