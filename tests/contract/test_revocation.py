"""Standing is remembered while no right changes, and a change counts on every process within a second."""

import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from adapters.persistence.sqlalchemy.rights_epoch import FRESH_SECONDS, USABLE_SECONDS, SqlRightsEpoch
from application.identity.access import AccessService
from application.identity.standing import Standing
from domain.identity.errors import TokenRefused
from domain.shared.actor import Actor, Permission, system_actor
from domain.shared.errors import Unavailable
from tests.identity_services import ORIGIN, SECRETS, Identity, identity_on
from tests.stores import Store

ON_DATABASES = pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
ROOT = system_actor("tests")


class Seconds:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Elsewhere:
    """Another process on the same database: it hears of nothing but what the database says."""

    def __init__(self, identity: Identity) -> None:
        store, self.seconds = identity.store, Seconds()
        epoch = store.rights_epoch if store.name == "memory" else SqlRightsEpoch(store.database, self.seconds)
        standing = Standing(store.principals, epoch)
        self.access = AccessService(standing, store.clock, identity.tokens.access, SECRETS)

    async def actor_of(self, credential: str) -> Actor | None:
        try:
            return await self.access.actor_of(credential, ORIGIN)
        except TokenRefused:
            return None


@pytest_asyncio.fixture
async def identity(store: Store) -> Identity:
    return await identity_on(store)


async def with_custom_role(identity: Identity) -> Any:
    await identity.roles.create(ROOT, name="keeper", description="", permissions=frozenset({Permission.AUDIT_READ}))
    return await identity.person(roles=frozenset({"keeper", "viewer"}))


Change = Callable[[Identity, Any, Actor], Awaitable[Any]]
CHANGES: dict[str, Change] = {
    "disabled": lambda identity, user, _: identity.users.disable(ROOT, user.id),
    "deleted": lambda identity, user, _: identity.users.delete(ROOT, user.id, expected=None),
    "role taken": lambda identity, user, _: identity.users.take_role(ROOT, user.id, "keeper"),
    "role changed": lambda identity, _, __: identity.roles.change(
        ROOT, "keeper", description="", permissions=frozenset(), expected=None
    ),
    "session ended": lambda identity, _, actor: identity.account.end_session(actor, actor.session_id),
    "password reset": lambda identity, user, _: identity.users.reset_password(
        ROOT, user.id, "a lamp that reads quietly"
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_a_change_counts_elsewhere_within_a_second(identity: Identity, change: Change) -> None:
    user, elsewhere = await with_custom_role(identity), Elsewhere(identity)
    token = (await identity.sign_in(user)).access_token
    actor = await elsewhere.actor_of(token)
    assert actor is not None
    assert actor.may(Permission.AUDIT_READ)
    await change(identity, user, await identity.access.actor_of(token, ORIGIN))
    elsewhere.seconds.now += USABLE_SECONDS
    after = await elsewhere.actor_of(token)
    assert after is None or not after.may(Permission.AUDIT_READ)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_a_change_counts_at_once_where_it_was_made(identity: Identity, change: Change) -> None:
    user = await with_custom_role(identity)
    token = (await identity.sign_in(user)).access_token
    await change(identity, user, await identity.access.actor_of(token, ORIGIN))
    with contextlib.suppress(TokenRefused):
        assert not (await identity.access.actor_of(token, ORIGIN)).may(Permission.AUDIT_READ)


async def test_membership_of_groups_and_keys_count_too(identity: Identity) -> None:
    user, elsewhere = await identity.person(admin=True), Elsewhere(identity)
    owner = await identity.actor(user)
    group = await identity.groups.create(ROOT, name="all")
    issued = await identity.api_keys.create(owner, name="k", scopes=frozenset({Permission.SEARCH, Permission.JOBS}))

    async def later() -> Actor | None:
        elsewhere.seconds.now += USABLE_SECONDS
        return await elsewhere.actor_of(issued.secret)

    first = await later()
    assert first is not None
    assert first.group_ids == frozenset()
    await identity.groups.add_member(ROOT, group.id, user.id)
    joined = await later()
    assert joined is not None
    assert joined.group_ids == {group.id}
    await identity.groups.delete(ROOT, group.id, expected=None)
    await identity.api_keys.change(
        owner, issued.key.id, name="k", scopes=frozenset({Permission.JOBS}), expires_at=None, allowed_cidrs=()
    )
    narrowed = await later()
    assert narrowed is not None
    assert (narrowed.group_ids, narrowed.permissions) == (frozenset(), {Permission.JOBS})
    await identity.api_keys.rotate(owner, issued.key.id, overlap=timedelta(0))
    assert await later() is None


@ON_DATABASES
async def test_standing_is_remembered_and_needs_no_database(identity: Identity) -> None:
    user, elsewhere = await identity.person(viewer=True), Elsewhere(identity)
    token = (await identity.sign_in(user)).access_token
    assert await elsewhere.actor_of(token)
    await identity.store.database.close()
    elsewhere.seconds.now += FRESH_SECONDS / 2
    assert await elsewhere.actor_of(token)


async def test_sessions_end_on_time_although_they_are_remembered(identity: Identity) -> None:
    user = await identity.person(viewer=True)
    pair, elsewhere = await identity.sign_in(user), Elsewhere(identity)
    claims = identity.tokens.access.verify(pair.access_token, identity.store.clock.now())
    session = await identity.session(claims.session_id)
    standing = elsewhere.access._standing
    assert await standing.of_session(claims.session_id, session.expires_at - timedelta(seconds=1))
    assert await standing.of_session(claims.session_id, session.expires_at) is None


class Broken:
    """A database that does not answer."""

    async def rows(self, *_: Any) -> Any:
        raise Unavailable("database_unavailable")


@ON_DATABASES
async def test_what_cannot_be_known_is_refused_and_known_again_afterwards(identity: Identity) -> None:
    seconds, database = Seconds(), identity.store.database
    epoch = SqlRightsEpoch(database, seconds)
    number = await epoch.current()
    epoch._database = Broken()  # type: ignore[assignment]
    seconds.now += FRESH_SECONDS
    assert await epoch.current() == number
    seconds.now += USABLE_SECONDS
    with pytest.raises(Unavailable):
        await epoch.current()
    epoch._database = database
    assert await epoch.current() == number
