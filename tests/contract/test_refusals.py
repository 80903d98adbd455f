"""Refusals in the trail, on every store: one entry per actor, reason and minute, and bounds that hold under attack."""

from typing import Any

import pytest

from application.audit.refusals import COUNTED_MAX, WAITING_MAX, Refusals
from application.audit.verification import Verification
from application.shared.notes import Note
from domain.identity.errors import InvalidGrant, TokenRefused
from domain.shared.actor import Actor, ActorType, Origin, anonymous
from domain.shared.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from domain.shared.values import ListQuery, Sort, new_id
from tests.fakes import ManualClock, OpenKeys
from tests.stores import Store, memory_store


def person(name: str = "Ada") -> Actor:
    return Actor(type=ActorType.USER, id=str(new_id()), name=name, origin=Origin("r-1", "192.0.2.7"))


async def refused(store: Store) -> list[Any]:
    page = await store.audit.events(ListQuery(200, Sort("at", descending=False)))
    return [event for event in page.items if event.outcome == "refused"]


async def test_a_minute_of_refusals_is_one_entry(store: Store) -> None:
    refusals, ada, eve = Refusals(store.notes, store.clock), person(), person("Eve")
    store.clock.forward(seconds=30 - store.clock.now().second)
    for route in ("create_user", "list_users", "create_user"):
        refusals.count(Forbidden(), ada, route)
    refusals.count(Forbidden(), eve, "create_user")
    refusals.count(InvalidGrant().about("user", ada.id), anonymous(Origin("r-2", "192.0.2.8")), "issue_tokens")
    assert await refusals.write() == 0, "the minute is not over"
    store.clock.forward(minutes=1)
    refusals.count(Forbidden(), ada, "list_users")
    assert await refusals.write() == 3
    assert await refusals.write() == 0
    first, other, sign_in = await refused(store)
    assert (first.action, first.actor_id, first.target_type, first.target_id) == (
        "access.refuse",
        ada.id,
        "user",
        ada.id,
    )
    assert (first.actor_name, first.client_address) == ("Ada", "192.0.2.7")
    assert (first.after["reason"], first.after["count"]) == ("forbidden", 3)
    assert first.after["routes"] == {"create_user": 2, "list_users": 1}
    assert (other.actor_id, other.after["count"]) == (eve.id, 1)
    assert (sign_in.action, sign_in.actor_type, sign_in.target_id) == ("session.refuse", "anonymous", ada.id)
    assert sign_in.client_address == "192.0.2.8"
    assert await refusals.write(everything=True) == 1, "the minute that is not over, at the end of a service"


async def test_refusals_are_sealed_and_their_persons_erased_as_everything_else(store: Store) -> None:
    refusals, ada = Refusals(store.notes, store.clock), person()
    refusals.count(Forbidden(), ada, "create_user")
    await refusals.write(everything=True)
    await store.seal()
    assert (await Verification(store.sealed, OpenKeys()).run()).entries == 1
    await store.personal.erase_person(new_id())
    (entry,) = await store.journal.after(0)
    assert (entry.operation, entry.version, list(entry.events)) == ("access.refuse", 0, [])
    assert (await Verification(store.sealed, OpenKeys()).run()).holds


class Down:
    """A store that is down."""

    async def write(self, notes: list[Note]) -> None:
        raise Unavailable()


def test_what_is_no_refusal_of_a_right_or_a_proof_is_not_counted() -> None:
    store = memory_store()
    refusals = Refusals(store.notes, store.clock)
    for error in (NotFound(), Unauthenticated(), TokenRefused(), Unavailable()):
        refusals.count(error, person(), "x")
    assert not refusals.waiting
    refusals.count(TokenRefused().about("api_key", new_id()), anonymous(Origin()), "x")
    assert refusals.waiting == 1


async def test_many_who_are_refused_at_once_make_few_entries_and_every_one_counts() -> None:
    store = memory_store()
    refusals = Refusals(store.notes, store.clock)
    total = 3 * COUNTED_MAX
    for number in range(total):
        refusals.count(InvalidGrant(), anonymous(Origin("r", f"192.0.2.{number}")), f"route {number}")
    assert refusals.waiting == COUNTED_MAX + 1
    await refusals.write(everything=True)
    events = await refused_all(store)
    assert sum(event.after["count"] for event in events) == total
    many = [event for event in events if event.target_id == "many"]
    assert [(event.after["count"], event.client_address) for event in many] == [(total - COUNTED_MAX, None)]
    assert len(many[0].after["routes"]) == 20


async def refused_all(store: Store) -> list[Any]:
    events: list[Any] = []
    query = ListQuery(200, Sort("at"))
    while True:
        page = await store.audit.events(query)
        events += page.items
        if page.next is None:
            return events
        query = ListQuery(200, Sort("at"), page.next)


async def test_while_the_store_is_down_counts_are_kept_within_bounds() -> None:
    clock = ManualClock()
    refusals = Refusals(Down(), clock)
    for _ in range(8):
        for number in range(COUNTED_MAX):
            refusals.count(InvalidGrant(), anonymous(Origin("r", f"192.0.2.{number}")), "issue_tokens")
        clock.forward(minutes=1)
        with pytest.raises(Unavailable):
            await refusals.write()
        assert refusals.waiting <= WAITING_MAX
