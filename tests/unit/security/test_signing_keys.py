"""The key ring: made once, sealed, rotated without a gap."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.security.master_key import MasterKeyRefused
from adapters.security.sealing import Sealer
from adapters.security.signing_keys import (
    ACTIVE,
    NEXT,
    PUBLISHED_BEFORE,
    RETIRED,
    RETIRED_KEPT,
    KeyRing,
    MemorySigningKeys,
    RotationTooSoon,
)
from application.identity.signing_keys import SigningKeyChange
from application.shared.notes import Note
from domain.shared.actor import system_actor
from domain.shared.errors import NotFound
from tests.identity_services import MASTER

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SEALER = Sealer(MASTER.derive("signing-keys"))


async def states(store: MemorySigningKeys) -> list[str]:
    return [row.state for row in await store.load()]


async def test_the_first_start_makes_an_active_and_a_next_key_and_the_second_none() -> None:
    store = MemorySigningKeys()
    first, second = KeyRing(store, SEALER), KeyRing(store, SEALER)
    await first.ensure(NOW)
    await second.ensure(NOW)
    assert sorted(await states(store)) == [ACTIVE, NEXT]
    assert first.active.thumbprint() == second.active.thumbprint()


async def test_private_keys_lie_sealed() -> None:
    store = MemorySigningKeys()
    ring = KeyRing(store, SEALER)
    await ring.ensure(NOW)
    secret = str(ring.active.as_dict(private=True)["d"])
    assert all(secret.encode() not in row.private_sealed for row in await store.load())
    assert all("d" not in row.public_jwk for row in await store.load())
    assert secret not in repr(ring.jwks())


async def test_another_master_key_is_told_by_the_setting_that_is_wrong() -> None:
    store = MemorySigningKeys()
    await KeyRing(store, SEALER).ensure(NOW)
    with pytest.raises(MasterKeyRefused, match="MASTER_KEY"):
        await KeyRing(store, Sealer(b"x" * 32)).refresh()


async def test_a_key_written_into_the_database_is_not_taken() -> None:
    store = MemorySigningKeys()
    await KeyRing(store, SEALER).ensure(NOW)
    row = (await store.load())[0]
    planted = replace(row, kid="planted", private_sealed=Sealer(b"y" * 32).seal(b"{}", b"planted"))
    note = Note(operation="plant", actor=system_actor("test"), target_type="signing_key", target_id="planted")
    await store.change(SigningKeyChange(add=[planted]), note)
    with pytest.raises(MasterKeyRefused):
        await KeyRing(store, SEALER).refresh()


async def test_a_rotation_signs_with_the_key_that_was_published_before() -> None:
    store = MemorySigningKeys()
    ring = KeyRing(store, SEALER)
    await ring.ensure(NOW)
    announced = next(row.kid for row in await store.load() if row.state == NEXT)
    former = ring.active.thumbprint()
    await ring.rotate(NOW + PUBLISHED_BEFORE)
    assert ring.active.thumbprint() == announced
    assert former in ring.keys
    assert sorted(await states(store)) == sorted([ACTIVE, NEXT, RETIRED])


async def test_other_processes_follow_when_they_refresh() -> None:
    store = MemorySigningKeys()
    ring, other = KeyRing(store, SEALER), KeyRing(store, SEALER)
    await ring.ensure(NOW)
    await other.refresh()
    epoch = other.epoch
    await other.refresh()
    assert other.epoch == epoch
    await ring.rotate(NOW + PUBLISHED_BEFORE)
    assert ring.active.thumbprint() in other.keys
    await other.refresh()
    assert (other.epoch, other.active.thumbprint()) == (epoch + 1, ring.active.thumbprint())


async def test_only_a_few_retired_keys_are_kept() -> None:
    store = MemorySigningKeys()
    ring = KeyRing(store, SEALER)
    for second in range(RETIRED_KEPT + 4):
        await ring.rotate(NOW + timedelta(seconds=second), at_once=True)
    assert (await states(store)).count(RETIRED) == RETIRED_KEPT
    assert (await states(store)).count(ACTIVE) == 1


async def test_a_key_that_is_new_to_others_does_not_sign_yet() -> None:
    store = MemorySigningKeys()
    ring = KeyRing(store, SEALER)
    await ring.ensure(NOW)
    with pytest.raises(RotationTooSoon):
        await ring.rotate(NOW + PUBLISHED_BEFORE - timedelta(seconds=1))
    active = ring.active.thumbprint()
    await ring.rotate(NOW + PUBLISHED_BEFORE)
    assert ring.active.thumbprint() != active


@pytest.mark.parametrize("state", [ACTIVE, NEXT, RETIRED])
async def test_a_revoked_key_verifies_nothing_and_the_ring_stays_whole(state: str) -> None:
    store = MemorySigningKeys()
    ring = KeyRing(store, SEALER)
    await ring.ensure(NOW)
    await ring.rotate(NOW + PUBLISHED_BEFORE)
    kid = next(row.kid for row in await store.load() if row.state == state)
    await ring.revoke(kid, NOW + PUBLISHED_BEFORE)
    assert kid not in ring.keys
    assert ring.active.thumbprint() != kid
    assert {ACTIVE, NEXT} <= set(await states(store))
    with pytest.raises(NotFound):
        await ring.revoke(kid, NOW + PUBLISHED_BEFORE)
