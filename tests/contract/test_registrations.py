"""Several people register one address, on every store: the account is made for who reads its mails, as he asked."""

import asyncio

import pytest

from adapters.limits.sign_in import USUAL
from application.identity.links import REGISTRATIONS_MAX
from domain.identity.errors import InvalidGrant, LinkInvalid, PasswordRefused
from domain.identity.one_time_tokens import LIFETIME
from domain.shared.actor import system_actor
from domain.shared.errors import FastOpsError, RateLimited, Unavailable
from tests.identity_services import ORIGIN, PASSWORD, Identity, a_throttle, identity_on
from tests.stores import Store

EMAIL = "ada@example.com"
OTHER = "what a stranger has chosen"


async def asked(identity: Identity, name: str = "Ada", password: str = PASSWORD) -> str:
    """The token of the mail about this registration."""
    await identity.self_service.register(ORIGIN, name=name, email=EMAIL, password=password)
    await identity.deliver()
    return identity.mailbox.token(EMAIL)


async def signs_in(identity: Identity, password: str) -> bool:
    try:
        await identity.authentication.password_grant(ORIGIN, email=EMAIL, password=password)
    except InvalidGrant:
        return False
    return True


async def outcome(identity: Identity, token: str, password: str | None = None) -> type[BaseException] | None:
    try:
        await identity.confirmations.confirm_email(ORIGIN, token=token, password=password)
    except FastOpsError as error:
        return type(error)
    return None


async def refused(identity: Identity, token: str, password: str | None) -> None:
    with pytest.raises(PasswordRefused) as refusal:
        await identity.confirmations.confirm_email(ORIGIN, token=token, password=password)
    (violation,) = refusal.value.violations
    assert (violation.pointer, violation.code) == ("/password", "registration_password")


@pytest.mark.parametrize("used", [0, 1])
async def test_a_later_registration_does_not_choose_the_password(store: Store, used: int) -> None:
    identity = await identity_on(store)
    tokens = [await asked(identity), await asked(identity, "Mallory", OTHER)]
    for wrong in (None, "a third sentence that fits nothing"):
        await refused(identity, tokens[used], wrong)
    await identity.confirmations.confirm_email(ORIGIN, token=tokens[used], password=PASSWORD)
    user = await identity.users.by_email(system_actor("test"), EMAIL)
    assert (user.name, await signs_in(identity, PASSWORD), await signs_in(identity, OTHER)) == ("Ada", True, False)
    for token in tokens:
        with pytest.raises(LinkInvalid):
            await identity.confirmations.confirm_email(ORIGIN, token=token, password=OTHER)


async def test_the_password_is_asked_for_though_the_first_link_has_run_out(store: Store) -> None:
    identity = await identity_on(store)
    await asked(identity)
    store.clock.forward(seconds=LIFETIME.total_seconds() - 60)
    token = await asked(identity, "Mallory", OTHER)
    store.clock.forward(seconds=120)
    await refused(identity, token, None)
    await identity.confirmations.confirm_email(ORIGIN, token=token, password=PASSWORD)
    assert await signs_in(identity, PASSWORD)


async def test_a_mail_that_is_asked_for_again_does_not_forget_the_others(store: Store) -> None:
    identity = await identity_on(store)
    await asked(identity)
    store.clock.forward(seconds=2 * LIFETIME.total_seconds())
    await asked(identity, "Mallory", OTHER)
    await identity.self_service.verify_email(ORIGIN, email=EMAIL)
    await identity.deliver()
    token = identity.mailbox.token(EMAIL)
    await refused(identity, token, None)
    await identity.confirmations.confirm_email(ORIGIN, token=token, password=PASSWORD)
    assert await signs_in(identity, PASSWORD)


async def test_a_registration_long_ago_asks_nothing_of_the_next(store: Store) -> None:
    identity = await identity_on(store)
    await asked(identity, "Somebody", OTHER)
    store.clock.forward(seconds=LIFETIME.total_seconds())
    await identity.confirmations.confirm_email(ORIGIN, token=await asked(identity))
    assert await signs_in(identity, PASSWORD)


async def test_as_many_links_are_open_as_an_address_may_be_mailed(store: Store) -> None:
    identity = await identity_on(store)
    token = await asked(identity)
    for n in range(REGISTRATIONS_MAX):
        await asked(identity, "Mallory", f"{OTHER} {n}")
    assert len(identity.mailbox.mails) == REGISTRATIONS_MAX
    await identity.confirmations.confirm_email(ORIGIN, token=token, password=PASSWORD)
    assert await signs_in(identity, PASSWORD)


async def test_a_mail_that_is_tried_again_is_one_registration(store: Store) -> None:
    identity = await identity_on(store)
    identity.mailbox.fails = Unavailable("mail_unavailable", "down")
    await identity.self_service.register(ORIGIN, name="Ada", email=EMAIL, password=PASSWORD)
    await identity.deliver()
    identity.mailbox.fails = None
    store.clock.forward(seconds=3)
    await identity.deliver()
    await identity.confirmations.confirm_email(ORIGIN, token=identity.mailbox.token(EMAIL))
    assert await signs_in(identity, PASSWORD)


async def test_wrong_passwords_are_throttled(store: Store) -> None:
    identity = await identity_on(store, throttle=a_throttle())
    await asked(identity)
    token = await asked(identity, "Mallory", OTHER)
    wrong = [await outcome(identity, token, f"a wrong sentence, number {n}") for n in range(USUAL.pair.units + 1)]
    assert (wrong[0], wrong[-1]) == (PasswordRefused, RateLimited)


async def test_of_many_uses_at_once_one_wins_and_the_others_have_no_link(store: Store) -> None:
    identity = await identity_on(store)
    token = await asked(identity)
    results = await asyncio.gather(*(outcome(identity, token) for _ in range(20)))
    assert [result for result in results if result is not None] == [LinkInvalid] * 19
