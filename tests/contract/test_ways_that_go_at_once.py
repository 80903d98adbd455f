"""Second factors, short passwords and ways in that come and go at the same moment, on every store."""

from typing import Any, cast
from uuid import UUID

import pyotp
import pytest

from application.identity.identities import IdentityService
from application.identity.passwords import has_second_factor, put_password
from domain.identity.errors import IdentityNeeded, PasswordTooShort
from domain.identity.users import User
from domain.shared.actor import Actor, system_actor
from tests.contract.test_last_administrator import way_in
from tests.identity_services import PASSWORD, Identity, identity_on
from tests.refresh_races import outcomes
from tests.stores import Store

ROOT = system_actor("test")
SHORT = "x9 v-q2k"
ROUNDS = 3


async def with_app(identity: Identity) -> tuple[User, Actor]:
    user = await identity.person()
    actor = await identity.actor(user)
    begun = await identity.totp.begin(actor)
    await identity.totp.confirm(actor, pyotp.TOTP(str(begun.secret)).at(identity.store.clock.now()))
    return user, actor


async def with_both(identity: Identity) -> tuple[User, Actor, UUID]:
    """Somebody with an authenticator app and a passkey."""
    user, actor = await with_app(identity)
    passkey: Any = way_in("passkey", user)
    passkey.credential_id = user.id.bytes
    await identity.store.given(passkey)
    return user, actor, passkey.id


async def state(store: Store, user: User) -> tuple[bool, bool, bool]:
    """Whether there is a second factor, a short password, and a set of recovery codes."""
    async with store.operation("look") as uow:
        password, codes = await uow.passwords.find(user.id), await uow.recovery_codes.find(user.id)
        factor = await has_second_factor(uow, user.id)
        return factor, password is not None and password.is_short, codes is not None


async def test_one_factor_stays_beside_a_short_password(store: Store) -> None:
    identity = await identity_on(store)
    for _ in range(ROUNDS):
        user, actor, passkey_id = await with_both(identity)
        await identity.account.change_password(actor, PASSWORD, SHORT)
        removals = [identity.totp.remove(actor), identity.passkeys.remove(actor, passkey_id)]
        gone, refused = await outcomes(removals)
        assert (len(gone), [type(error) for error in refused]) == (1, [PasswordTooShort])
        assert (await state(store, user))[:2] == (True, True)


async def test_the_recovery_codes_go_with_both_factors(store: Store) -> None:
    identity = await identity_on(store)
    for _ in range(ROUNDS):
        user, actor, passkey_id = await with_both(identity)
        await identity.totp.make_recovery_codes(actor)
        removals = [identity.totp.remove(actor), identity.passkeys.remove(actor, passkey_id)]
        assert (await outcomes(removals))[1] == []
        assert await state(store, user) == (False, False, False)


async def test_no_recovery_codes_are_made_while_the_factor_goes(store: Store) -> None:
    identity = await identity_on(store)
    for _ in range(ROUNDS):
        user, actor = await with_app(identity)
        await outcomes([identity.totp.make_recovery_codes(actor), identity.totp.remove(actor)])
        assert await state(store, user) == (False, False, False)


async def test_no_short_password_comes_while_the_factor_goes(store: Store) -> None:
    identity = await identity_on(store)
    user, actor = await with_app(identity)
    async with store.operation("account.change_password") as uow:
        await put_password(uow, user.id, "hash", store.clock.now(), is_short=True)
        await identity.totp.remove(actor)
        with pytest.raises(PasswordTooShort):
            await uow.commit(None)
    assert await state(store, user) == (False, False, False)


async def test_a_short_password_that_comes_beside_a_reset_of_factors_goes_with_them(store: Store) -> None:
    identity = await identity_on(store)
    for _ in range(ROUNDS):
        user, actor = await with_app(identity)
        change = identity.account.change_password(actor, PASSWORD, SHORT)
        await outcomes([change, identity.factor_reset.reset(ROOT, user.id)])
        assert await state(store, user) == (False, False, False)


async def test_the_last_way_in_stays(store: Store) -> None:
    identity = await identity_on(store)
    identities = IdentityService(store.work, store.clock, cast(Any, None))
    for _ in range(ROUNDS):
        user, actor, passkey_id = await with_both(identity)
        linked: Any = way_in("identity", user)
        linked.subject = str(user.id)
        async with store.operation("given") as uow:
            uow.passwords.remove(await uow.passwords.get(user.id))
            uow.identities.add(linked)
            await uow.commit(None)
        removals = [identities.unlink(actor, linked.id), identity.passkeys.remove(actor, passkey_id)]
        gone, refused = await outcomes(removals)
        assert (len(gone), [type(error) for error in refused]) == (1, [IdentityNeeded])


async def test_a_blocked_passkey_is_no_way_in(store: Store) -> None:
    identities = IdentityService(store.work, store.clock, cast(Any, None))
    identity = await identity_on(store)
    _, actor, passkey_id = await with_both(identity)
    linked: Any = way_in("identity", await store.stored("users", actor.require_user()))
    async with store.operation("given") as uow:
        uow.passwords.remove(await uow.passwords.get(actor.require_user()))
        (await uow.passkeys.find(passkey_id)).cloned_at = store.clock.now()
        uow.identities.add(linked)
        await uow.commit(None)
    with pytest.raises(IdentityNeeded):
        await identities.unlink(actor, linked.id)
