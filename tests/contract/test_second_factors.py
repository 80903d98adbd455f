"""Second factors when much happens at once, on every store."""

from typing import Any

import pyotp
import pytest

from adapters.limits.sign_in import USUAL
from application.identity.second_factors import Shown
from domain.identity.errors import InvalidGrant, PasswordTooShort, SecondFactorRequired
from domain.identity.users import User
from domain.shared.actor import Actor, system_actor
from domain.shared.errors import RateLimited, Unavailable
from domain.shared.values import ListQuery, Sort
from tests.contract.test_sign_in import outcomes
from tests.identity_services import ORIGIN, PASSWORD, Identity, a_throttle, identity_on
from tests.stores import Store

ROOT = system_actor("test")
SHORT = "x9 v-q2k"


async def enrolled(identity: Identity) -> tuple[User, Actor, pyotp.TOTP]:
    """Somebody with an authenticator app whose first code is spent, a minute later."""
    user = await identity.person()
    actor = await identity.actor(user)
    begun = await identity.totp.begin(actor)
    app = pyotp.TOTP(str(begun.secret))
    await identity.totp.confirm(actor, app.at(identity.store.clock.now()))
    identity.store.clock.forward(minutes=1)
    return user, actor, app


async def test_of_many_uses_of_one_code_one_wins(store: Store) -> None:
    identity = await identity_on(store)
    user, actor, app = await enrolled(identity)
    for _ in range(3):
        code = Shown(app.at(store.clock.now()))
        won, refused = await outcomes([identity.factors.prove(actor, user.id, code) for _ in range(50)])
        assert (len(won), {type(error) for error in refused}) == (1, {InvalidGrant})
        with pytest.raises(InvalidGrant):
            await identity.sign_in_with(user, app.at(store.clock.now(), counter_offset=-1))
        store.clock.forward(seconds=30)


async def test_of_many_uses_of_one_recovery_code_one_wins_and_different_ones_all_do(store: Store) -> None:
    identity = await identity_on(store)
    user, actor, _ = await enrolled(identity)
    codes = (await identity.totp.make_recovery_codes(actor)).codes
    code = Shown(codes[0])
    won, refused = await outcomes([identity.factors.prove(actor, user.id, code) for _ in range(50)])
    assert (len(won), {type(error) for error in refused}) == (1, {InvalidGrant})
    won, refused = await outcomes([identity.sign_in_with(user, code) for code in codes[1:6]])
    assert (len(won), refused) == (5, [])
    assert (await identity.totp.get(actor)).recovery_codes_left == 4
    left = [event.payload["left"] for event in await events(store, "identity.recovery_code_used.v1")]
    assert left == [9, 8, 7, 6, 5, 4]


async def test_new_recovery_codes_take_the_place_of_the_old(store: Store) -> None:
    identity = await identity_on(store)
    user, actor, _ = await enrolled(identity)
    old = (await identity.totp.make_recovery_codes(actor)).codes
    new = (await identity.totp.make_recovery_codes(actor)).codes
    with pytest.raises(InvalidGrant):
        await identity.sign_in_with(user, old[0])
    await identity.sign_in_with(user, new[0])


async def test_of_secrets_and_codes_that_are_made_at_once_the_last_ones_count(store: Store) -> None:
    identity = await identity_on(store)
    actor = await identity.actor(await identity.person())
    begun, refused = await outcomes([identity.totp.begin(actor) for _ in range(5)])
    assert (len({view.secret for view in begun}), refused) == (5, [])
    code_of = [pyotp.TOTP(str(view.secret)).at(store.clock.now()) for view in begun]
    confirmed, refused = await outcomes([identity.totp.confirm(actor, code) for code in code_of])
    assert (len(confirmed), len(refused)) == (1, 4)
    made, refused = await outcomes([identity.totp.make_recovery_codes(actor) for _ in range(5)])
    assert (len(made), refused) == (5, [])
    user = await store.stored("users", actor.require_user())
    signed_in, _ = await outcomes([identity.sign_in_with(user, view.codes[0]) for view in made])
    assert len(signed_in) == 1


async def test_of_first_passwords_that_are_set_at_once_one_counts(store: Store) -> None:
    identity = await identity_on(store)
    user = await identity.person(password=None)
    chosen = [f"{PASSWORD} {number}" for number in range(5)]
    _, refused = await outcomes([identity.users.reset_password(ROOT, user.id, password) for password in chosen])
    assert {type(error) for error in refused} <= {Unavailable}, "too many hashes at once are turned away"
    signed_in, _ = await outcomes([identity.sign_in(user, password) for password in chosen])
    assert len(signed_in) == 1


async def test_the_store_holds_neither_secret_nor_codes(store: Store) -> None:
    identity = await identity_on(store)
    user, actor, app = await enrolled(identity)
    codes = (await identity.totp.make_recovery_codes(actor)).codes
    stored = await store.stored("totp_factors", user.id)
    assert app.secret.encode() not in stored.secret_sealed
    trail = str((await store.audit.events(ListQuery(limit=100, sort=Sort("at")))).items)
    assert "totp_factor" in trail
    kept = await store.stored("recovery_codes", user.id)
    for secret in (app.secret, stored.secret_sealed.hex(), *codes, *(code.replace("-", "") for code in codes)):
        assert secret not in trail + str(kept.hashes)
    assert not any(code_hash in trail for code_hash in kept.hashes)


async def test_wrong_codes_count_as_wrong_passwords_do_and_missing_ones_do_not(store: Store) -> None:
    identity = await identity_on(store, throttle=a_throttle())
    user, _, app = await enrolled(identity)
    for _ in range(USUAL.pair.units + 5):
        with pytest.raises(SecondFactorRequired):
            await identity.sign_in(user)
    _, refused = await outcomes([identity.sign_in_with(user, "000000") for _ in range(USUAL.pair.units + 5)])
    kinds = [type(error) for error in refused]
    assert (kinds.count(InvalidGrant), kinds.count(RateLimited)) == (USUAL.pair.units, 5)
    with pytest.raises(RateLimited):
        await identity.sign_in_with(user, app.at(store.clock.now()))


async def test_a_deleted_user_leaves_no_factor(store: Store) -> None:
    identity = await identity_on(store)
    user, actor, _ = await enrolled(identity)
    await identity.totp.make_recovery_codes(actor)
    await identity.users.delete(ROOT, user.id, expected=None)
    assert await store.stored("totp_factors", user.id) is None
    assert await store.stored("recovery_codes", user.id) is None


async def test_a_short_password_does_not_outlive_the_second_factor(store: Store) -> None:
    identity = await identity_on(store)
    user, actor, _ = await enrolled(identity)
    await identity.account.change_password(actor, PASSWORD, SHORT)
    with pytest.raises(PasswordTooShort):
        await identity.totp.remove(actor)
    with pytest.raises(SecondFactorRequired):
        await identity.sign_in(user, SHORT)
    await identity.account.change_password(actor, SHORT, PASSWORD)
    await identity.totp.remove(actor)
    await identity.sign_in(user)


async def test_a_reset_of_factors_forgets_a_short_password_and_mails_a_link(store: Store) -> None:
    identity = await identity_on(store)
    user, actor, _ = await enrolled(identity)
    await identity.account.change_password(actor, PASSWORD, SHORT)
    await identity.factor_reset.reset(ROOT, user.id)
    with pytest.raises(InvalidGrant):
        await identity.sign_in(user, SHORT)
    await identity.deliver()
    token = identity.mailbox.token(user.email)
    await identity.confirmations.reset_password(ORIGIN, token=token, password=PASSWORD)
    await identity.sign_in(user)


async def test_a_short_password_by_link_or_administrator_is_known_as_one(store: Store) -> None:
    identity = await identity_on(store)
    user, actor, _ = await enrolled(identity)
    await identity.users.reset_password(ROOT, user.id, SHORT)
    with pytest.raises(PasswordTooShort):
        await identity.totp.remove(actor)
    await identity.users.reset_password(ROOT, user.id, PASSWORD)
    await identity.self_service.reset_password(ORIGIN, email=user.email)
    await identity.deliver()
    token = identity.mailbox.token(user.email)
    await identity.confirmations.reset_password(ORIGIN, token=token, password=SHORT)
    with pytest.raises(PasswordTooShort):
        await identity.totp.remove(actor)


async def events(store: Store, name: str) -> list[Any]:
    return [event for entry in await store.entries() for event in entry.events if event.name == name]
