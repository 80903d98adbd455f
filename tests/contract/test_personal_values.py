"""Erasing personal values, on every store: what goes, what stays, and that the entries stay as they were."""

from typing import Any

from application.audit.personal import PersonalErasure
from application.shared.journal import Positions
from domain.identity.credentials import ApiKey
from domain.identity.users import User
from domain.knowledge.collections import Collection
from domain.shared.actor import Actor, ActorType, Origin
from domain.shared.values import ListQuery, Sort, new_id
from tests.factories import ApiKeyFactory, SessionFactory, UserFactory
from tests.stores import Store

ADDRESS = Origin("r-1", "192.0.2.7")


def actor_of(user: User, key: ApiKey | None = None) -> Actor:
    kind = ActorType.USER if key is None else ActorType.API_KEY
    return Actor(type=kind, id=str(key.id if key else user.id), name=user.name, user_id=user.id, origin=ADDRESS)


async def done(store: Store, name: str, actor: Actor, *entities: Any) -> None:
    async with store.operation(name, actor=actor) as uow:
        for entity in entities:
            store.repository(uow, entity).add(entity)
        await uow.commit(None)


def a_collection(store: Store) -> Collection:
    return Collection.create(name="Papers", description="", metadata={}, manager_id=new_id(), at=store.clock.now())


async def trail(store: Store) -> dict[str, Any]:
    """All events by their action."""
    page = await store.audit.events(ListQuery(200, Sort("at")))
    return {event.action: event for event in page.items}


async def bodies(store: Store) -> list[str]:
    await store.seal()
    return [entry.target_id for entry in await store.journal.after(0)]


async def test_of_a_deleted_person_the_trail_keeps_what_was_done_but_not_who_it_was(store: Store) -> None:
    ada, eve = UserFactory(name="Ada"), UserFactory(name="Eve")
    key, session = ApiKeyFactory(owner=ada), SessionFactory(user=ada, client_address="192.0.2.7", user_agent="Browser")
    await done(store, "make.ada", actor_of(eve), ada)
    await done(store, "make.eve", actor_of(eve), eve)
    await done(store, "sign.in", actor_of(ada), session)
    await done(store, "make.key", actor_of(ada), key)
    await done(store, "make.collection", actor_of(ada), a_collection(store))
    await done(store, "make.more", actor_of(ada, key), a_collection(store))
    before = await bodies(store)

    assert await store.personal.erase_person(ada.id) > 0
    events = await trail(store)
    assert (events["make.ada"].actor_name, events["make.eve"].actor_name) == ("Eve", "Eve")
    for action in ("sign.in", "make.key", "make.collection", "make.more"):
        assert (events[action].actor_name, events[action].client_address) == (None, None), action
    assert events["make.collection"].actor_id == str(ada.id)
    assert "email" not in events["make.ada"].after
    assert events["make.eve"].after["email"] == eve.email
    assert "user_agent" not in events["sign.in"].after
    assert events["make.collection"].after["name"] == "Papers"
    assert await bodies(store) == before
    assert await store.personal.erase_person(new_id()) == 0


async def test_old_personal_values_go_and_young_ones_stay(store: Store) -> None:
    erasure = PersonalErasure(store.personal, store.positions, store.clock, days=30)
    assert not await erasure.erase_old()
    await done(store, "old", actor_of(UserFactory()), UserFactory(), UserFactory())
    store.clock.forward(days=31)
    young = UserFactory()
    await done(store, "young", actor_of(young), young)
    while await erasure.erase_old():
        pass
    events = await trail(store)
    assert (events["old"].actor_name, "email" in events["old"].after) == (None, False)
    assert (events["young"].actor_name, events["young"].after["email"]) == (young.name, young.email)
    assert await PersonalErasure(store.personal, store.positions, store.clock, days=None).erase_old() is False


async def test_retention_goes_on_where_it_was(store: Store) -> None:
    for _ in range(5):
        await store.given(UserFactory())
    store.clock.forward(days=2)
    now = store.clock.now()
    reached = await store.personal.erase_older(now, 0, 2)
    assert reached > 0
    last = await store.personal.erase_older(now, reached, 100)
    assert last > reached
    assert await store.personal.erase_older(now, last, 100) == last


async def test_deleting_a_user_has_the_person_erased(store: Store) -> None:
    ada = UserFactory(name="Ada")
    await store.given(ada)
    async with store.operation("user.delete") as uow:
        user = await uow.users.get(ada.id)
        user.delete(store.clock.now())
        uow.users.remove(user)
        await uow.commit(None)
    positions: Positions = store.positions
    (reaction,) = PersonalErasure(store.personal, positions, store.clock, None).reactions()
    for entry in await store.entries():
        for event in entry.events:
            if event.name in reaction.events:
                await reaction.handle(entry, event)
    events = await trail(store)
    assert "email" not in events["user.delete"].before
    assert "email" not in events["given"].after
