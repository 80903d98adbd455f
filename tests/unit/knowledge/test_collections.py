"""Collections: seen through their grants, changed by their managers."""

from typing import Any

import pytest

from application.knowledge.views import CollectionView, GrantView
from application.shared.unit_of_work import Repeat
from domain.knowledge.errors import LastManager
from domain.shared.actor import Actor, Origin, Permission, anonymous, system_actor
from domain.shared.errors import Conflict, Forbidden, Invalid, NotFound, StaleVersion, Unauthenticated
from domain.shared.values import ListQuery, new_id
from tests.knowledge_services import Library

EVERYONE = GrantView(subject_type="everyone", subject_id=None, level="read")


def user(actor: Actor, level: str) -> GrantView:
    return GrantView(subject_type="user", subject_id=actor.user_id, level=level)


async def test_the_creator_becomes_the_manager(library: Library, ada: Actor, eve: Actor) -> None:
    made = await library.collections.create(ada, name=" Papers ", description="d", metadata={"a": 1})
    assert (made.name, made.version) == ("Papers", 1)
    assert await library.collections.get(ada, made.id) == made
    assert (await library.collections.grants(ada, made.id)).grants == (user(ada, "manage"),)
    with pytest.raises(NotFound):
        await library.collections.get(eve, made.id)


async def test_a_repeat_gives_the_first_answer(library: Library, ada: Actor) -> None:
    repeats = [Repeat("key-1", str(ada.user_id), "POST /collections", "print") for _ in range(2)]
    first, second = [await library.collections.create(ada, name="Papers", repeat=repeat) for repeat in repeats]
    assert first == second
    assert [repeat.replayed for repeat in repeats] == [False, True]


async def test_lists_start_from_what_may_be_read(library: Library, ada: Actor, eve: Actor) -> None:
    mine = await library.collection(ada, "Mine")
    shared = await library.collection(ada, "Shared", readers=[eve])
    assert [view.id for view in (await library.collections.page(eve, ListQuery())).items] == [shared.id]
    everything = await library.collections.page(system_actor("cli"), ListQuery())
    assert {view.id for view in everything.items} == {mine.id, shared.id}


async def test_names_are_found_if_they_are_clear(library: Library, ada: Actor, eve: Actor) -> None:
    made = await library.collection(ada, "Papers")
    assert (await library.collections.named(ada, "Papers ")).id == made.id
    with pytest.raises(NotFound):
        await library.collections.named(eve, "Papers")
    await library.collection(ada, "Papers")
    with pytest.raises(Conflict) as refused:
        await library.collections.named(ada, "Papers")
    assert refused.value.code == "name_ambiguous"


async def changed(library: Library, actor: Actor, made: CollectionView, expected: int | None) -> CollectionView:
    return await library.collections.change(actor, made.id, name="New", description="", metadata={}, expected=expected)


async def test_managers_change_what_they_saw(library: Library, ada: Actor) -> None:
    made = await library.collection(ada)
    after = await changed(library, ada, made, made.version)
    assert (after.name, after.version) == ("New", made.version + 1)
    with pytest.raises(StaleVersion):
        await changed(library, ada, made, made.version)


async def test_a_stranger_learns_nothing_from_versions(library: Library, ada: Actor, eve: Actor) -> None:
    made = await library.collection(ada)
    with pytest.raises(NotFound):
        await changed(library, eve, made, 99)


@pytest.mark.parametrize("level", ["read", "write"])
async def test_lower_levels_may_not_manage(library: Library, ada: Actor, eve: Actor, level: str) -> None:
    made = await library.collection(ada)
    grants = [user(ada, "manage"), user(eve, level)]
    await library.collections.set_grants(ada, made.id, grants, expected=None)
    with pytest.raises(Forbidden):
        await changed(library, eve, made, None)
    with pytest.raises(Forbidden):
        await library.collections.set_grants(eve, made.id, [EVERYONE], expected=None)
    with pytest.raises(Forbidden):
        await library.collections.delete(eve, made.id, expected=None)
    assert len((await library.collections.grants(eve, made.id)).grants) == 2


async def test_a_deleted_collection_is_gone(library: Library, ada: Actor) -> None:
    made = await library.collection(ada)
    with pytest.raises(StaleVersion):
        await library.collections.delete(ada, made.id, expected=99)
    await library.collections.delete(ada, made.id, expected=made.version)
    with pytest.raises(NotFound):
        await library.collections.get(ada, made.id)


async def test_everyone_are_all_who_are_signed_in(library: Library, ada: Actor, eve: Actor) -> None:
    made = await library.collection(ada)
    await library.collections.set_grants(ada, made.id, [user(ada, "manage"), EVERYONE], expected=made.version)
    assert (await library.collections.get(eve, made.id)).id == made.id
    with pytest.raises(Unauthenticated):
        await library.collections.get(anonymous(Origin()), made.id)


async def test_the_last_manager_stays(library: Library, ada: Actor) -> None:
    made = await library.collection(ada)
    with pytest.raises(LastManager):
        await library.collections.set_grants(ada, made.id, [EVERYONE], expected=None)


@pytest.mark.parametrize(
    ("grant", "pointer", "code"),
    [
        ({"subject_type": "team", "subject_id": None}, "/grants/0/subject/type", "unknown_subject_type"),
        ({"subject_type": "group", "subject_id": new_id()}, "/grants/0/subject/id", "unknown_group"),
        ({"subject_type": "group", "subject_id": None}, "/grants/0/subject/id", "subject_id"),
        ({"subject_type": "user", "subject_id": None}, "/grants/0/subject/id", "subject_id"),
        ({"subject_type": "everyone", "subject_id": new_id()}, "/grants/0/subject/id", "subject_id"),
        ({"subject_type": "user", "subject_id": new_id()}, "/grants/0/subject/id", "unknown_user"),
        ({"subject_type": "everyone", "subject_id": None, "level": "own"}, "/grants/0/level", "unknown_level"),
    ],
)
async def test_grants_that_mean_nothing_are_refused(
    library: Library, ada: Actor, grant: dict[str, Any], pointer: str, code: str
) -> None:
    made = await library.collection(ada)
    views = [GrantView(**{"level": "read"} | grant), user(ada, "manage")]
    with pytest.raises(Invalid) as refused:
        await library.collections.set_grants(ada, made.id, views, expected=None)
    assert [(violation.pointer, violation.code) for violation in refused.value.violations] == [(pointer, code)]


async def test_each_subject_is_named_once(library: Library, ada: Actor, eve: Actor) -> None:
    made = await library.collection(ada)
    for twice in ([user(eve, "read"), user(eve, "write")], [EVERYONE, EVERYONE], [EVERYONE] * 2000):
        with pytest.raises(Invalid):
            await library.collections.set_grants(ada, made.id, [user(ada, "manage"), *twice], expected=None)


async def test_a_grant_of_a_deleted_user_may_stay(library: Library, ada: Actor, eve: Actor) -> None:
    made = await library.collection(ada, readers=[eve])
    library.directory.users.discard(eve.user_id)
    grants = (await library.collections.grants(ada, made.id)).grants
    after = await library.collections.set_grants(ada, made.id, grants, expected=None)
    assert after.grants == grants


async def test_every_verb_needs_its_permission(library: Library, ada: Actor) -> None:
    made, reader, nobody = await library.collection(ada), Permission.COLLECTIONS_READ, anonymous(Origin())
    calls: list[Any] = [
        lambda actor: library.collections.create(actor, name="x"),
        lambda actor: changed(library, actor, made, None),
        lambda actor: library.collections.delete(actor, made.id, expected=None),
        lambda actor: library.collections.set_grants(actor, made.id, [], expected=None),
    ]
    reads: list[Any] = [
        lambda actor: library.collections.get(actor, made.id),
        lambda actor: library.collections.page(actor, ListQuery()),
        lambda actor: library.collections.named(actor, "Papers"),
        lambda actor: library.collections.grants(actor, made.id),
    ]
    for call in calls:
        with pytest.raises(Forbidden):
            await call(library.person(reader))
    for call in reads:
        with pytest.raises(Forbidden):
            await call(library.person(Permission.SEARCH))
    for call in calls + reads:
        with pytest.raises(Unauthenticated):
            await call(nobody)
