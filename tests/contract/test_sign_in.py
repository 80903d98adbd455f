"""Sign-in and refresh when much happens at once, on every store."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from adapters.limits.sign_in import USUAL
from adapters.security.passwords import Argon2Passwords
from application.shared.unit_of_work import Operation
from domain.identity.errors import InvalidGrant, LastAdministrator, TokenRefused
from domain.identity.sessions import Method, SessionEnd
from domain.shared.actor import system_actor
from domain.shared.errors import RateLimited
from domain.shared.values import ListQuery
from tests.factories import PasswordFactory
from tests.identity_services import ORIGIN, PASSWORD, a_throttle, identity_on
from tests.refresh_races import is_dead, outcomes, refresh_beside_revoke, session_of, uses_at_once
from tests.stores import Store

ROOT = system_actor("test")
ROUNDS = 3
"""`python -m benchmarks.refresh_races` runs more of them."""
OTHER = "another horse that reads"


async def test_of_many_uses_of_one_refresh_token_one_wins_and_the_session_ends(store: Store) -> None:
    identity = await identity_on(store)
    user = await identity.person()
    for _ in range(ROUNDS):
        await uses_at_once(identity, user)


async def test_nothing_survives_a_revoke_beside_refreshes(store: Store) -> None:
    identity = await identity_on(store)
    user = await identity.person()
    for _ in range(ROUNDS):
        await refresh_beside_revoke(identity, user)


async def test_a_spent_token_is_refused_though_others_followed_it_at_once(store: Store) -> None:
    """The clock of the store stands still: nothing tells the rotations apart but their generation."""
    identity = await identity_on(store)
    first = await identity.sign_in(await identity.person())
    second = await identity.authentication.refresh_grant(ORIGIN, refresh_token=first.refresh_token)
    third = await identity.authentication.refresh_grant(ORIGIN, refresh_token=second.refresh_token)
    with pytest.raises(InvalidGrant):
        await identity.authentication.refresh_grant(ORIGIN, refresh_token=first.refresh_token)
    assert (await session_of(identity, first)).end_reason is SessionEnd.REUSE
    await is_dead(identity, third)


async def test_a_lost_answer_to_a_refresh_may_be_asked_for_again(store: Store) -> None:
    """By so many at once as there are: the session has one next token, and ends when a spent one comes too late."""
    identity = await identity_on(store, refresh_retry_seconds=10)
    refresh = identity.authentication.refresh_grant
    user = await identity.person()
    first = await identity.sign_in(user)
    won, refused = await outcomes([refresh(ORIGIN, refresh_token=first.refresh_token) for _ in range(8)])
    assert not refused
    assert len({pair.refresh_token for pair in won}) == 1
    store.clock.forward(seconds=9)
    again = await refresh(ORIGIN, refresh_token=first.refresh_token)
    assert again.refresh_token == won[0].refresh_token
    assert (await session_of(identity, first)).generation == 2
    third = await refresh(ORIGIN, refresh_token=again.refresh_token)
    with pytest.raises(InvalidGrant):
        await refresh(ORIGIN, refresh_token=first.refresh_token)
    assert (await session_of(identity, first)).end_reason is SessionEnd.REUSE
    await is_dead(identity, third)
    late = await identity.sign_in(user)
    await refresh(ORIGIN, refresh_token=late.refresh_token)
    store.clock.forward(seconds=10)
    with pytest.raises(InvalidGrant):
        await refresh(ORIGIN, refresh_token=late.refresh_token)
    assert (await session_of(identity, late)).end_reason is SessionEnd.REUSE


async def test_a_proof_of_identity_opens_no_new_time_for_a_retry(store: Store) -> None:
    identity = await identity_on(store, refresh_retry_seconds=10)
    first = await identity.sign_in(await identity.person())
    await identity.authentication.refresh_grant(ORIGIN, refresh_token=first.refresh_token)
    store.clock.forward(seconds=60)
    async with store.operation("session.reauthenticate") as uow:
        session = await uow.sessions.get((await session_of(identity, first)).id)
        session.reauthenticate((Method.PASSWORD,), store.clock.now())
        await uow.commit(None)
    with pytest.raises(InvalidGrant):
        await identity.authentication.refresh_grant(ORIGIN, refresh_token=first.refresh_token)


async def test_a_retry_survives_no_revoke(store: Store) -> None:
    identity = await identity_on(store, refresh_retry_seconds=10)
    first = await identity.sign_in(await identity.person())
    second = await identity.authentication.refresh_grant(ORIGIN, refresh_token=first.refresh_token)
    await identity.authentication.revoke(ORIGIN, token=second.refresh_token)
    with pytest.raises(InvalidGrant):
        await identity.authentication.refresh_grant(ORIGIN, refresh_token=first.refresh_token)
    await is_dead(identity, second)


async def test_disabling_beside_refreshes_leaves_no_session(store: Store) -> None:
    identity = await identity_on(store)
    user = await identity.person()
    pairs = [await identity.sign_in(user) for _ in range(5)]
    refreshes = [identity.authentication.refresh_grant(ORIGIN, refresh_token=p.refresh_token) for p in pairs]
    _, refused = await outcomes([*refreshes, identity.users.disable(ROOT, user.id, expected=1)])
    assert {type(error) for error in refused} <= {InvalidGrant}
    assert (await store.stored("users", user.id)).status == "disabled"
    for pair in pairs:
        assert (await session_of(identity, pair)).ended_at is not None


async def test_many_right_passwords_at_once_all_work(store: Store) -> None:
    identity = await identity_on(store, throttle=a_throttle())
    user = await identity.person()
    for _ in range(3):
        won, refused = await outcomes([identity.sign_in(user) for _ in range(20)])
        assert (len(won), refused) == (20, [])


async def test_right_passwords_work_while_their_hash_is_renewed(store: Store) -> None:
    identity = await identity_on(store)
    user = await identity.person(password=None)
    old = await Argon2Passwords(memory_kib=16, passes=1).hash(PASSWORD)
    await store.given(PasswordFactory(user=user, password_hash=old))
    won, refused = await outcomes([identity.sign_in(user) for _ in range(10)])
    assert (len(won), refused) == (10, [])
    stored = await store.stored("passwords", user.id)
    assert stored.password_hash != old
    assert stored.version == 1


async def test_parallel_wrong_passwords_all_count(store: Store) -> None:
    identity = await identity_on(store, throttle=a_throttle())
    user = await identity.person()
    _, refused = await outcomes([identity.sign_in(user, "wrong") for _ in range(50)])
    kinds = [type(error) for error in refused]
    assert kinds.count(InvalidGrant) == USUAL.pair.units
    assert kinds.count(RateLimited) == 50 - USUAL.pair.units
    with pytest.raises(RateLimited):
        await identity.sign_in(user)


async def test_no_session_begun_with_the_old_password_survives_a_new_one(store: Store) -> None:
    identity = await identity_on(store)
    user = await identity.person()
    for password, new in ((PASSWORD, OTHER), (OTHER, PASSWORD)):
        signing_in = [identity.sign_in(user, password) for _ in range(5)]
        won, refused = await outcomes([*signing_in, identity.users.reset_password(ROOT, user.id, new)])
        assert {type(error) for error in refused} <= {InvalidGrant}
        for pair in (pair for pair in won if pair is not None):
            with pytest.raises(TokenRefused):
                await identity.access.actor_of(pair.access_token, ORIGIN)
        await identity.sign_in(user, new)


@dataclass
class Meddling:
    """Work on a store that lets `meddle` run once, just before the commit of one operation."""

    work: Any
    operation: str
    meddle: Callable[[], Awaitable[Any]] | None

    @asynccontextmanager
    async def __call__(self, operation: Operation) -> AsyncIterator[Any]:
        async with self.work(operation) as uow:
            commit = uow.commit

            async def after_meddling(result: Any) -> Any:
                if operation.name == self.operation and self.meddle is not None:
                    meddle, self.meddle = self.meddle, None
                    await meddle()
                return await commit(result)

            uow.commit = after_meddling
            yield uow


@pytest.mark.parametrize("end", ["reset", "disable", "delete"])
async def test_what_ends_an_account_between_look_and_commit_of_a_sign_in_wins(store: Store, end: str) -> None:
    identity = await identity_on(store)
    user = await identity.person()
    ends: dict[str, Callable[[], Awaitable[Any]]] = {
        "reset": lambda: identity.users.reset_password(ROOT, user.id, OTHER),
        "disable": lambda: identity.users.disable(ROOT, user.id),
        "delete": lambda: identity.users.delete(ROOT, user.id, expected=None),
    }
    slow = await identity_on(replace(store, work=Meddling(store.work, "session.start", ends[end])))
    with pytest.raises(InvalidGrant):
        await slow.sign_in(user)
    rows = await store.lists.sessions(user.id, ListQuery())
    assert rows.items == []


@pytest.mark.parametrize("by", ["administrator", "owner"])
async def test_a_sign_in_between_look_and_commit_of_a_new_password_loses(store: Store, by: str) -> None:
    identity = await identity_on(store)
    user = await identity.person()
    here = await identity.actor(user)
    operation = "user.reset_password" if by == "administrator" else "account.change_password"
    slow = await identity_on(replace(store, work=Meddling(store.work, operation, lambda: identity.sign_in(user))))
    if by == "administrator":
        await slow.users.reset_password(ROOT, user.id, OTHER)
    else:
        await slow.account.change_password(here, PASSWORD, OTHER)
    rows = await store.lists.sessions(user.id, ListQuery())
    assert [session.id for session in rows.items] == ([] if by == "administrator" else [here.session_id])


async def test_one_administrator_is_left_however_many_go_at_once(store: Store) -> None:
    identity = await identity_on(store)
    admins = [await identity.person(admin=True) for _ in range(5)]
    done, refused = await outcomes(
        [
            identity.users.disable(ROOT, admins[0].id),
            identity.users.delete(ROOT, admins[1].id, expected=None),
            identity.users.take_role(ROOT, admins[2].id, "admin"),
            identity.users.disable(ROOT, admins[3].id),
            identity.users.delete(ROOT, admins[4].id, expected=1),
        ]
    )
    assert len(done) == 4
    assert {type(error) for error in refused} == {LastAdministrator}


async def test_deleting_a_user_takes_everything_along(store: Store) -> None:
    identity = await identity_on(store)
    user = await identity.person(viewer=True)
    pair = await identity.sign_in(user)
    actor = await identity.access.actor_of(pair.access_token, ORIGIN)
    issued = await identity.api_keys.create(actor, name="x", scopes=actor.permissions)
    await identity.users.delete(ROOT, user.id, expected=1)
    for credential in (pair.access_token, issued.secret):
        with pytest.raises(TokenRefused):
            await identity.access.actor_of(credential, ORIGIN)
    with pytest.raises(InvalidGrant):
        await identity.sign_in(user)
