"""API keys: secrets that never reach beyond their owner."""

from datetime import timedelta

import pytest

from application.shared.unit_of_work import Repeat
from domain.identity.errors import ScopeNotHeld, TokenRefused
from domain.identity.roles import VIEWER
from domain.shared.actor import Actor, ActorType, Origin, Permission, anonymous, system_actor
from domain.shared.errors import Forbidden, Invalid, NotFound, StaleVersion, Unauthenticated, WrongState
from domain.shared.values import ListQuery, new_id
from tests.factories import ApiKeyFactory
from tests.identity_services import ORIGIN, SECRETS, Identity

P = Permission
ROOT = system_actor("test")
SEARCH = frozenset({P.SEARCH})
HOUR = timedelta(hours=1)


async def using(identity: Identity, secret: str, origin: Origin = ORIGIN) -> Actor:
    return await identity.access.actor_of(secret, origin)


async def test_a_key_acts_for_its_owner_within_its_scopes(identity: Identity) -> None:
    owner = await identity.signed_in(viewer=True)
    issued = await identity.api_keys.create(owner, name="script", scopes=SEARCH)
    actor = await using(identity, issued.secret)
    assert (actor.type, actor.id, actor.name) == (ActorType.API_KEY, str(issued.key.id), "script")
    assert (actor.user_id, actor.permissions, actor.every_collection) == (owner.user_id, SEARCH, False)
    assert issued.secret.startswith("fo_")
    assert issued.key.last_used_at is None
    assert (await identity.api_keys.get(owner, issued.key.id)).last_used_at is not None


async def test_no_scopes_grant_nothing(identity: Identity) -> None:
    owner = await identity.signed_in(admin=True)
    issued = await identity.api_keys.create(owner, name="empty", scopes=frozenset())
    assert (await using(identity, issued.secret)).permissions == frozenset()


async def test_a_key_loses_what_its_owner_loses(identity: Identity) -> None:
    user = await identity.person(admin=True)
    await identity.person(admin=True)
    issued = await identity.api_keys.create(
        await identity.actor(user), name="ops", scopes=frozenset({P.SEARCH, P.USERS_WRITE})
    )
    assert (await using(identity, issued.secret)).every_collection
    await identity.users.change(ROOT, user.id, name="A", email=user.email, roles=frozenset({"viewer"}), expected=None)
    actor = await using(identity, issued.secret)
    assert (actor.permissions, actor.every_collection) == (SEARCH, False)
    await identity.users.disable(ROOT, user.id)
    with pytest.raises(TokenRefused):
        await using(identity, issued.secret)


async def test_scopes_beyond_the_own_rights_are_refused(identity: Identity) -> None:
    owner = await identity.signed_in(viewer=True)
    with pytest.raises(ScopeNotHeld):
        await identity.api_keys.create(owner, name="too much", scopes=frozenset({P.USERS_READ}))
    key = (await identity.api_keys.create(owner, name="fine", scopes=SEARCH)).key
    with pytest.raises(ScopeNotHeld):
        await identity.api_keys.change(
            owner, key.id, name="fine", scopes=frozenset(Permission), expires_at=None, allowed_cidrs=()
        )


async def test_a_key_cannot_make_or_reach_a_stronger_one(identity: Identity) -> None:
    owner = await identity.signed_in(viewer=True)
    strong = await identity.api_keys.create(owner, name="strong", scopes=VIEWER.permissions)
    issued = await identity.api_keys.create(owner, name="weak", scopes=frozenset({P.API_KEYS}))
    weak = await using(identity, issued.secret)
    for verb in (
        identity.api_keys.create(weak, name="child", scopes=SEARCH),
        identity.api_keys.rotate(weak, strong.key.id, overlap=HOUR),
        identity.api_keys.change(weak, strong.key.id, name="x", scopes=frozenset(), expires_at=None, allowed_cidrs=()),
    ):
        with pytest.raises(ScopeNotHeld):
            await verb
    await identity.api_keys.create(weak, name="sibling", scopes=frozenset({P.API_KEYS}))


async def test_others_keys_do_not_exist_except_for_administrators(identity: Identity) -> None:
    owner, other = await identity.signed_in(viewer=True), await identity.signed_in(editor=True)
    boss = await identity.signed_in(admin=True)
    key = (await identity.api_keys.create(owner, name="mine", scopes=SEARCH)).key

    def change(actor: Actor) -> object:
        return identity.api_keys.change(actor, key.id, name="x", scopes=frozenset(), expires_at=None, allowed_cidrs=())

    for verb in (
        identity.api_keys.get(other, key.id),
        change(other),
        identity.api_keys.rotate(other, key.id, overlap=HOUR),
        identity.api_keys.revoke(other, key.id),
        identity.api_keys.get(owner, new_id()),
    ):
        with pytest.raises(NotFound):
            await verb  # type: ignore[misc]
    for verb in (change(boss), identity.api_keys.rotate(boss, key.id, overlap=HOUR)):
        with pytest.raises(Forbidden):
            await verb  # type: ignore[misc]
    assert (await identity.api_keys.get(boss, key.id)).id == key.id
    assert [seen.id for seen in (await identity.api_keys.page(boss, ListQuery())).items] == [key.id]
    assert (await identity.api_keys.page(other, ListQuery())).items == []
    await identity.api_keys.revoke(boss, key.id)
    with pytest.raises(NotFound):
        await identity.api_keys.get(owner, key.id)


async def test_every_verb_needs_the_permission(identity: Identity) -> None:
    nobody, powerless = anonymous(ORIGIN), await identity.signed_in()
    for actor, error in ((nobody, Unauthenticated), (powerless, Forbidden)):
        for verb in (
            identity.api_keys.create(actor, name="x", scopes=frozenset()),
            identity.api_keys.get(actor, new_id()),
            identity.api_keys.page(actor, ListQuery()),
            identity.api_keys.change(actor, new_id(), name="x", scopes=frozenset(), expires_at=None, allowed_cidrs=()),
            identity.api_keys.rotate(actor, new_id(), overlap=HOUR),
            identity.api_keys.revoke(actor, new_id()),
        ):
            with pytest.raises(error):
                await verb


async def test_a_revoked_key_is_refused(identity: Identity) -> None:
    owner = await identity.signed_in(viewer=True)
    issued = await identity.api_keys.create(owner, name="x", scopes=SEARCH)
    with pytest.raises(StaleVersion):
        await identity.api_keys.revoke(owner, issued.key.id, expected=9)
    await identity.api_keys.revoke(owner, issued.key.id, expected=1)
    with pytest.raises(TokenRefused):
        await using(identity, issued.secret)


async def test_a_key_expires(identity: Identity) -> None:
    owner = await identity.signed_in(viewer=True)
    with pytest.raises(Invalid):
        await identity.api_keys.create(owner, name="x", scopes=SEARCH, expires_at=identity.store.clock.now() - HOUR)
    issued = await identity.api_keys.create(
        owner, name="x", scopes=SEARCH, expires_at=identity.store.clock.now() + HOUR
    )
    await using(identity, issued.secret)
    identity.store.clock.forward(hours=1)
    with pytest.raises(TokenRefused):
        await using(identity, issued.secret)
    with pytest.raises(WrongState):
        await identity.api_keys.rotate(owner, issued.key.id, overlap=HOUR)


@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::1", True),
        ("192.0.2.1", False),
        ("2001:db9::1", False),
        ("testclient", False),
        (None, False),
    ],
)
async def test_a_key_works_only_from_its_networks(identity: Identity, address: str | None, admitted: bool) -> None:
    owner = await identity.signed_in(viewer=True)
    issued = await identity.api_keys.create(
        owner, name="x", scopes=SEARCH, allowed_cidrs=("10.0.0.1/8", "2001:db8::/32")
    )
    assert issued.key.allowed_cidrs == ("10.0.0.0/8", "2001:db8::/32")
    origin = Origin(client_address=address)
    if admitted:
        await using(identity, issued.secret, origin)
    else:
        with pytest.raises(TokenRefused):
            await using(identity, issued.secret, origin)


@pytest.mark.parametrize("networks", [("everywhere",), ("10.0.0.0/33",), ("10.0.0.0/8",) * 101])
async def test_networks_are_written_in_cidr_form(identity: Identity, networks: tuple[str, ...]) -> None:
    owner = await identity.signed_in(viewer=True)
    with pytest.raises(Invalid):
        await identity.api_keys.create(owner, name="x", scopes=SEARCH, allowed_cidrs=networks)


async def test_a_rotated_key_keeps_its_old_secret_for_the_overlap(identity: Identity) -> None:
    owner = await identity.signed_in(viewer=True)
    old = await identity.api_keys.create(owner, name="x", scopes=SEARCH)
    new = await identity.api_keys.rotate(owner, old.key.id, overlap=HOUR)
    assert (new.key.id, new.key.version) == (old.key.id, 2)
    for secret in (old.secret, new.secret):
        await using(identity, secret)
    identity.store.clock.forward(hours=1)
    await using(identity, new.secret)
    with pytest.raises(TokenRefused):
        await using(identity, old.secret)


async def test_without_overlap_the_old_secret_ends_at_once(identity: Identity) -> None:
    owner = await identity.signed_in(viewer=True)
    old = await identity.api_keys.create(owner, name="x", scopes=SEARCH)
    await identity.api_keys.rotate(owner, old.key.id, overlap=timedelta(0))
    with pytest.raises(TokenRefused):
        await using(identity, old.secret)
    for overlap in (timedelta(seconds=-1), timedelta(days=31)):
        with pytest.raises(Invalid):
            await identity.api_keys.rotate(owner, old.key.id, overlap=overlap)


async def test_a_repeated_create_shows_the_same_secret(identity: Identity) -> None:
    owner = await identity.signed_in(viewer=True)
    issued = [
        await identity.api_keys.create(owner, name="x", scopes=SEARCH, repeat=Repeat("k", "p", "r", "f"))
        for _ in range(2)
    ]
    assert issued[0] == issued[1]
    assert len((await identity.api_keys.page(owner, ListQuery())).items) == 1


async def test_a_change_keeps_the_secret(identity: Identity) -> None:
    owner = await identity.signed_in(viewer=True)
    issued = await identity.api_keys.create(owner, name="x", scopes=SEARCH)
    later = identity.store.clock.now() + HOUR
    view = await identity.api_keys.change(
        owner, issued.key.id, name="y", scopes=frozenset({P.JOBS}), expires_at=later, allowed_cidrs=(), expected=1
    )
    assert (view.name, view.scopes, view.expires_at, view.version) == ("y", ("jobs",), later, 2)
    assert (await using(identity, issued.secret)).permissions == {P.JOBS}
    with pytest.raises(StaleVersion):
        await identity.api_keys.change(
            owner, issued.key.id, name="z", scopes=SEARCH, expires_at=later, allowed_cidrs=(), expected=1
        )


async def test_wrong_secrets_and_unknown_keys_are_refused(identity: Identity) -> None:
    key = ApiKeyFactory(owner=await identity.person(viewer=True))
    await identity.store.given(key)
    for text in (SECRETS.mint(key.id)[0], SECRETS.mint(new_id())[0], "fo_", "fo_" + "0" * 200):
        with pytest.raises(TokenRefused):
            await using(identity, text)
