"""Changes of keys on every store: each with its entry in the trail, and none without."""

from typing import Any

import pytest

from adapters.security.sealing import Sealer
from adapters.security.signing_keys import KeyRing
from application.audit.head_keys import HeadKeyService
from application.audit.verification import Verification
from domain.shared.actor import Actor, ActorType, system_actor
from domain.shared.errors import Forbidden
from domain.shared.values import ListQuery, Sort
from tests.fakes import OpenKeys
from tests.stores import Store

ROOT = system_actor("root")


async def events(store: Store) -> list[Any]:
    return list((await store.audit.events(ListQuery(200, Sort("at", descending=False)))).items)


async def test_every_change_of_the_ring_is_told(store: Store) -> None:
    ring = KeyRing(store.signing_keys, Sealer(b"s" * 32))
    await ring.ensure(store.clock.now())
    await ring.ensure(store.clock.now())
    first = ring.listed()
    await ring.rotate(store.clock.now(), at_once=True, by=ROOT)
    active = next(key.kid for key in ring.listed() if key.state == "active")
    await ring.revoke(active, store.clock.now(), by=ROOT)
    made, rotated, forced, revoked = await events(store)
    assert [event.action for event in (made, rotated, forced, revoked)] == [
        "signing_key.create",
        "signing_key.rotate",
        "signing_key.rotate",
        "signing_key.revoke",
    ]
    assert made.before == {"keys": {}}
    assert made.after == {"keys": {key.kid: key.state for key in first}}
    assert rotated.before == made.after
    assert (rotated.target_type, rotated.target_id, rotated.actor_id) == ("signing_key", active, "system:root")
    assert rotated.after["keys"][active] == "active"
    assert (revoked.target_id, active in revoked.after["keys"]) == (active, False)
    assert revoked.after == {"keys": {key.kid: key.state for key in ring.listed()}}
    again = KeyRing(store.signing_keys, Sealer(b"s" * 32))
    await again.refresh()
    assert again.listed() == ring.listed()


async def test_heads_of_former_keys_still_verify(store: Store) -> None:
    service = HeadKeyService(store.head_key, OpenKeys())
    await store.notes.write([])
    await store.given()
    for _ in range(2):
        await KeyRing(store.signing_keys, Sealer(b"s" * 32)).rotate(store.clock.now(), at_once=True)
        await store.seal()
        await service.rotate(ROOT)
    await store.seal()
    found = await Verification(store.sealed, OpenKeys()).run()
    assert (found.holds, found.key_ids) == (True, ["test-1", "test-2", "test-3"])
    change = (await events(store))[-1]
    assert (change.action, change.before, change.after) == (
        "head_key.rotate",
        {"key_id": "test-2"},
        {"key_id": "test-3"},
    )


async def test_only_who_runs_the_service_changes_the_key_of_heads(store: Store) -> None:
    with pytest.raises(Forbidden):
        await HeadKeyService(store.head_key, OpenKeys()).rotate(Actor(type=ActorType.USER, id="x"))
    assert await events(store) == []
