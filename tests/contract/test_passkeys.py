"""Passkeys on every store: hostile answers of authenticators, and many at once."""

from typing import Any

import pytest

from application.identity.second_factors import Shown
from application.identity.views import TokenPair
from domain.identity.errors import (
    InvalidGrant,
    PasskeyKnown,
    PasskeyRefused,
    PasswordRefused,
    PasswordTooShort,
    SecondFactorRequired,
)
from domain.identity.passkeys import PASSKEYS_MAX
from domain.identity.users import User
from domain.shared.actor import Actor, system_actor
from domain.shared.errors import NotFound, RuleBroken
from domain.shared.values import ListQuery
from tests.authenticator import ED25519, P256, Authenticator, encoded
from tests.contract.test_second_factors import events
from tests.contract.test_sign_in import outcomes
from tests.identity_services import ISSUER, ORIGIN, PASSWORD, Identity, identity_on
from tests.stores import Store, memory_store

ROOT = system_actor("test")
LIES: dict[str, dict[str, Any]] = {
    "wrong origin": {"origin": "https://kb.example.com.evil.example"},
    "origin in clear": {"origin": "http://kb.example.com"},
    "framed by another site": {"framed": True},
    "wrong relying party": {"rp_id": "evil.example"},
    "wrong challenge": {"challenge": encoded(bytes(56))},
    "no challenge": {"challenge": ""},
    "wrong ceremony": {"type": "webauthn.create"},
    "user absent": {"present": False},
    "wrong signature": {"signature": bytes(64)},
}


@pytest.fixture
def in_memory() -> Store:
    """For promises that no store has a part in."""
    return memory_store()


async def added(identity: Identity, actor: Actor, **members: Any) -> Authenticator:
    authenticator = Authenticator(ISSUER, **members)
    options = await identity.passkeys.options(actor)
    await identity.passkeys.add(actor, label="phone", content=authenticator.create(options))
    return authenticator


async def with_passkey(identity: Identity, **members: Any) -> tuple[User, Actor, Authenticator]:
    user = await identity.person()
    actor = await identity.actor(user)
    return user, actor, await added(identity, actor, **members)


async def sign_in(identity: Identity, authenticator: Authenticator, **lies: Any) -> TokenPair:
    answer = authenticator.get(identity.passkeys.sign_in_options(), **lies)
    return await identity.passkeys.sign_in(ORIGIN, answer)


async def options_beside(identity: Identity, user: User) -> Any:
    """What is asked for once the password was right."""
    with pytest.raises(SecondFactorRequired) as refused:
        await identity.sign_in(user)
    return refused.value.passkey_options


async def beside_password(identity: Identity, user: User, answer: Any) -> TokenPair:
    return await identity.authentication.password_grant(
        ORIGIN, email=user.email, password=PASSWORD, shown=Shown(passkey=answer)
    )


@pytest.mark.parametrize("curve", [P256, ED25519])
@pytest.mark.parametrize("counter", [0, None])
async def test_a_passkey_signs_in_alone(store: Store, curve: str, counter: int | None) -> None:
    identity = await identity_on(store)
    user, owner, authenticator = await with_passkey(identity, curve=curve, counter=counter)
    for _ in range(2):
        pair = await sign_in(identity, authenticator)
        actor = await identity.access.actor_of(pair.access_token, ORIGIN)
        assert (actor.user_id, actor.outlived) == (user.id, None)
        assert (await identity.session(actor.session_id)).authentication.methods == ("pop", "user", "mfa")
    view = (await identity.passkeys.list(owner))[0]
    assert (view.label, view.backed_up, view.blocked) == ("phone", counter is None, False)
    assert view.last_used_at is not None


@pytest.mark.parametrize("lie", LIES)
async def test_hostile_answers_do_not_sign_in(in_memory: Store, lie: str) -> None:
    identity = await identity_on(in_memory)
    user, _, authenticator = await with_passkey(identity)
    with pytest.raises(InvalidGrant):
        await sign_in(identity, authenticator, **LIES[lie])
    options = await options_beside(identity, user)
    with pytest.raises(InvalidGrant):
        await beside_password(identity, user, authenticator.get(options, **LIES[lie]))
    await sign_in(identity, authenticator)


@pytest.mark.parametrize("lie", [name for name in LIES if "signature" not in name and "ceremony" not in name])
async def test_hostile_answers_make_no_passkey(in_memory: Store, lie: str) -> None:
    identity = await identity_on(in_memory)
    actor = await identity.signed_in()
    options = await identity.passkeys.options(actor)
    with pytest.raises(PasskeyRefused):
        await identity.passkeys.add(actor, label="phone", content=Authenticator(ISSUER).create(options, **LIES[lie]))
    assert await identity.passkeys.list(actor) == []


async def test_an_answer_works_once_however_many_use_it(store: Store) -> None:
    identity = await identity_on(store)
    _, _, authenticator = await with_passkey(identity, counter=None)
    answer = authenticator.get(identity.passkeys.sign_in_options())
    won, refused = await outcomes([identity.passkeys.sign_in(ORIGIN, answer) for _ in range(50)])
    assert (len(won), {type(error) for error in refused}) == (1, {InvalidGrant})
    with pytest.raises(InvalidGrant):
        await identity.passkeys.sign_in(ORIGIN, answer)


async def test_a_challenge_is_good_for_five_minutes_and_its_purpose(store: Store) -> None:
    identity = await identity_on(store)
    user, _, authenticator = await with_passkey(identity)
    old = authenticator.get(identity.passkeys.sign_in_options())
    store.clock.forward(minutes=5)
    for answer in (old, authenticator.get(await options_beside(identity, user))):
        with pytest.raises(InvalidGrant):
            await identity.passkeys.sign_in(ORIGIN, answer)
    with pytest.raises(InvalidGrant):
        await beside_password(identity, user, authenticator.get(identity.passkeys.sign_in_options()))


async def test_alone_it_must_have_verified_its_user_and_name_the_owner(store: Store) -> None:
    identity = await identity_on(store)
    user, _, authenticator = await with_passkey(identity)
    other = await identity.person()
    for lie in ({"verified": False}, {"user_handle": None}, {"user_handle": other.id.bytes}, {"user_handle": b""}):
        with pytest.raises(InvalidGrant):
            await sign_in(identity, authenticator, **lie)
    answer = authenticator.get(await options_beside(identity, user), verified=False, user_handle=None)
    pair = await beside_password(identity, user, answer)
    session = (await identity.access.actor_of(pair.access_token, ORIGIN)).session_id
    assert (await identity.session(session)).authentication.methods == ("pwd", "pop", "user", "mfa")


async def test_the_passkey_of_another_user_is_no_second_factor(store: Store) -> None:
    identity = await identity_on(store)
    user, _, _ = await with_passkey(identity)
    _, _, foreign = await with_passkey(identity)
    with pytest.raises(InvalidGrant):
        await beside_password(identity, user, foreign.get(await options_beside(identity, user)))


async def test_a_counter_that_goes_back_blocks_the_passkey_and_is_audited(store: Store) -> None:
    identity = await identity_on(store)
    user, owner, authenticator = await with_passkey(identity)
    await sign_in(identity, authenticator)
    await sign_in(identity, authenticator)
    with pytest.raises(InvalidGrant):
        await sign_in(identity, authenticator, counter=99, signature=bytes(64))
    assert not (await identity.passkeys.list(owner))[0].blocked, "only a right signature may tell of a clone"
    with pytest.raises(InvalidGrant):
        await sign_in(identity, authenticator, counter=2)
    assert (await identity.passkeys.list(owner))[0].blocked
    cloned = await events(store, "identity.passkey_cloned.v1")
    assert [event.payload["user_id"] for event in cloned] == [str(user.id)]
    with pytest.raises(InvalidGrant):
        await sign_in(identity, authenticator, counter=1000)


async def test_a_credential_belongs_to_one_account(store: Store) -> None:
    identity = await identity_on(store)
    _, owner, authenticator = await with_passkey(identity)
    for actor in (owner, await identity.signed_in()):
        options = await identity.passkeys.options(actor)
        with pytest.raises(PasskeyKnown):
            await identity.passkeys.add(actor, label="again", content=authenticator.create(options))
    answer = Authenticator(ISSUER).create(await identity.passkeys.options(owner))
    with pytest.raises(PasskeyRefused):
        await identity.passkeys.add(await identity.signed_in(), label="stolen", content=answer)


async def test_an_account_has_a_bounded_number_of_passkeys(in_memory: Store) -> None:
    identity = await identity_on(in_memory)
    owner = await identity.signed_in()
    for _ in range(PASSKEYS_MAX):
        await added(identity, owner)
    with pytest.raises(RuleBroken):
        await added(identity, owner)


async def test_the_options_name_what_is_there_already(store: Store) -> None:
    identity = await identity_on(store)
    user, owner, authenticator = await with_passkey(identity)
    name = encoded(authenticator.credential_id)
    excluded = (await identity.passkeys.options(owner))["excludeCredentials"]
    assert [one["id"] for one in excluded] == [name]
    options = await options_beside(identity, user)
    assert [one["id"] for one in options["allowCredentials"]] == [name]
    assert not identity.passkeys.sign_in_options()["allowCredentials"], "before anything is proven nobody is named"


async def test_without_passkeys_the_password_alone_signs_in_again(store: Store) -> None:
    identity = await identity_on(store)
    user, owner, authenticator = await with_passkey(identity)
    codes = (await identity.totp.make_recovery_codes(owner)).codes
    await identity.sign_in_with(user, codes[0])
    passkey = (await identity.passkeys.list(owner))[0]
    with pytest.raises(NotFound):
        await identity.passkeys.remove(await identity.signed_in(), passkey.id)
    await identity.passkeys.remove(owner, passkey.id)
    await identity.sign_in(user)
    with pytest.raises(InvalidGrant):
        await sign_in(identity, authenticator)
    assert (await identity.totp.get(owner)).recovery_codes_left == 0


async def test_beside_a_passkey_a_shorter_password_will_do(in_memory: Store) -> None:
    identity = await identity_on(in_memory)
    actor = await identity.signed_in()
    with pytest.raises(PasswordRefused):
        await identity.account.change_password(actor, PASSWORD, "eight ch")
    await added(identity, actor)
    await identity.account.change_password(actor, PASSWORD, "eight ch")
    (passkey,) = await identity.passkeys.list(actor)
    with pytest.raises(PasswordTooShort):
        await identity.passkeys.remove(actor, passkey.id)
    await added(identity, actor)
    await identity.passkeys.remove(actor, passkey.id)


async def test_a_shut_account_is_not_opened_by_its_passkey(store: Store) -> None:
    identity = await identity_on(store)
    user, _, authenticator = await with_passkey(identity)
    await identity.users.disable(ROOT, user.id)
    with pytest.raises(InvalidGrant):
        await sign_in(identity, authenticator)
    await identity.users.delete(ROOT, user.id, expected=None)
    with pytest.raises(InvalidGrant):
        await sign_in(identity, authenticator)


async def test_a_reset_forgets_all_factors_and_ends_all_sessions(store: Store) -> None:
    identity = await identity_on(store)
    user, owner, authenticator = await with_passkey(identity)
    await identity.totp.begin(owner)
    await identity.totp.make_recovery_codes(owner)
    await identity.factor_reset.reset(ROOT, user.id)
    assert (await store.lists.sessions(user.id, ListQuery())).items == []
    await identity.sign_in(user)
    with pytest.raises(InvalidGrant):
        await sign_in(identity, authenticator)
    assert {entry.operation for entry in await store.entries()} >= {"user.reset_factors"}
