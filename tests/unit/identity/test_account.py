"""The own account."""

from dataclasses import replace

import pytest

from adapters.limits.sign_in import USUAL
from domain.identity.errors import InvalidGrant, LinkInvalid, PasswordRefused, SessionRequired, TokenRefused
from domain.shared.actor import Actor, ActorType, anonymous, system_actor
from domain.shared.errors import NotFound, RateLimited, StaleVersion, Unauthenticated
from domain.shared.values import ListQuery, new_id
from tests.identity_services import ORIGIN, PASSWORD, Identity, a_throttle, identity_on
from tests.stores import memory_store

NEW = "another horse that reads"


def as_key(actor: Actor) -> Actor:
    return replace(actor, type=ActorType.API_KEY, id=str(new_id()), session_id=None)


async def test_everybody_sees_the_own_account(identity: Identity) -> None:
    actor = await identity.signed_in(name="Ada")
    assert (await identity.account.me(actor)).name == "Ada"
    assert (await identity.account.me(as_key(actor))).id == actor.user_id
    for nobody in (anonymous(ORIGIN), system_actor("test")):
        with pytest.raises(Unauthenticated):
            await identity.account.me(nobody)


async def test_the_name_can_be_changed(identity: Identity) -> None:
    actor = await identity.signed_in(name="Ada")
    view = await identity.account.change(actor, name="Ada L.", expected=1)
    assert (view.name, view.version) == ("Ada L.", 2)
    assert await identity.account.change(actor, name="Ada L.") == view
    with pytest.raises(StaleVersion):
        await identity.account.change(actor, name="Eve", expected=1)


async def test_another_address_is_taken_over_once_it_is_proven_and_the_old_one_is_told(identity: Identity) -> None:
    actor = await identity.signed_in(name="Ada", email="ada@example.com")
    view = await identity.account.change(actor, name="Ada", email="ADA@example.org")
    assert (view.email, view.version) == ("ada@example.com", 1)
    await identity.deliver()
    await identity.confirmations.confirm_email(ORIGIN, token=identity.mailbox.token("ada@example.org"))
    view = await identity.account.me(actor)
    assert (view.email, view.email_verified) == ("ada@example.org", True)
    await identity.deliver()
    assert identity.mailbox.subjects("ada@example.com") == ["Your e-mail address was changed"]


async def test_an_address_of_somebody_else_gets_no_mail_and_looks_the_same(identity: Identity) -> None:
    actor, other = await identity.signed_in(name="Ada"), await identity.person()
    view = await identity.account.change(actor, name="Ada", email=other.email)
    assert view == await identity.account.me(actor)
    await identity.deliver()
    assert identity.mailbox.mails == []


async def test_a_link_to_a_new_address_dies_with_the_next_password_or_address(identity: Identity) -> None:
    user = await identity.person(name="Ada")
    actor = await identity.actor(user)
    await identity.account.change(actor, name="Ada", email="ada@example.org")
    await identity.self_service.reset_password(ORIGIN, email=user.email)
    await identity.deliver()
    await identity.confirmations.reset_password(ORIGIN, token=identity.mailbox.token(user.email), password=NEW)
    with pytest.raises(LinkInvalid):
        await identity.confirmations.confirm_email(ORIGIN, token=identity.mailbox.token("ada@example.org"))


async def test_a_change_of_the_password_is_told_to_the_address(identity: Identity) -> None:
    user = await identity.person()
    await identity.account.change_password(await identity.actor(user), PASSWORD, NEW)
    await identity.deliver()
    assert identity.mailbox.subjects(user.email) == ["Your password was changed"]


async def test_changing_the_password_ends_the_other_sessions(identity: Identity) -> None:
    user = await identity.person()
    here, there = [await identity.sign_in(user) for _ in range(2)]
    await identity.account.change_password(await identity.access.actor_of(here.access_token, ORIGIN), PASSWORD, NEW)
    await identity.access.actor_of(here.access_token, ORIGIN)
    with pytest.raises(TokenRefused):
        await identity.access.actor_of(there.access_token, ORIGIN)
    with pytest.raises(InvalidGrant):
        await identity.sign_in(user)
    await identity.sign_in(user, NEW)


async def test_changing_the_password_needs_the_current_one_and_a_good_new_one(identity: Identity) -> None:
    actor = await identity.signed_in(name="Ada")
    for current, new, pointer in (
        ("wrong", NEW, "/current_password"),
        (PASSWORD, "short", "/new_password"),
        (PASSWORD, "passwordpassword", "/new_password"),
    ):
        with pytest.raises(PasswordRefused) as refused:
            await identity.account.change_password(actor, current, new)
        assert [violation.pointer for violation in refused.value.violations] == [pointer]


async def test_who_has_no_password_cannot_change_it(identity: Identity) -> None:
    user = await identity.person(password=None)
    actor = Actor(type=ActorType.USER, id=str(user.id), user_id=user.id, session_id=new_id(), origin=ORIGIN)
    with pytest.raises(PasswordRefused):
        await identity.account.change_password(actor, PASSWORD, NEW)


async def test_a_stolen_token_does_not_serve_to_guess_the_password() -> None:
    identity = await identity_on(memory_store(), throttle=a_throttle())
    actor = await identity.signed_in()
    for _ in range(USUAL.pair.units):
        with pytest.raises(PasswordRefused):
            await identity.account.change_password(actor, "wrong", NEW)
    with pytest.raises(RateLimited):
        await identity.account.change_password(actor, PASSWORD, NEW)


async def test_own_sessions_are_listed_and_ended(identity: Identity) -> None:
    user, stranger = await identity.person(), await identity.signed_in()
    here, there = [await identity.actor(user) for _ in range(2)]
    listed = (await identity.account.sessions(here, ListQuery())).items
    assert {session.id for session in listed} == {here.session_id, there.session_id}
    assert there.session_id is not None
    with pytest.raises(NotFound):
        await identity.account.end_session(stranger, there.session_id)
    await identity.account.end_session(here, there.session_id)
    for gone in (there.session_id, new_id()):
        with pytest.raises(NotFound):
            await identity.account.end_session(here, gone)
    assert [session.id for session in (await identity.account.sessions(here, ListQuery())).items] == [here.session_id]


async def test_a_leaked_key_cannot_take_the_account_of_its_owner(identity: Identity) -> None:
    actor = await identity.signed_in()
    key = as_key(actor)
    assert actor.session_id is not None
    for verb in (
        identity.account.change(key, name="Eve", email="eve@example.com"),
        identity.account.change_password(key, PASSWORD, NEW),
        identity.account.sessions(key, ListQuery()),
        identity.account.end_session(key, actor.session_id),
    ):
        with pytest.raises(SessionRequired):
            await verb
