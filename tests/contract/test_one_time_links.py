"""Links in mails, on every store: each once, for one purpose, for a while, and the newest of its kind only."""

import asyncio
import hashlib
import re

import pytest

from domain.identity.errors import InvalidGrant, LinkInvalid, PasswordRefused, TokenRefused
from domain.identity.one_time_tokens import INVITATION_LIFETIME, LIFETIME
from domain.shared.actor import system_actor
from domain.shared.errors import Unavailable
from tests.identity_services import ORIGIN, Identity, identity_on
from tests.stores import Store

NEW = "another horse that reads"
RACERS = 50


async def reset_link(identity: Identity, email: str) -> str:
    await identity.self_service.reset_password(ORIGIN, email=email)
    await identity.deliver()
    return identity.mailbox.token(email)


async def spent(identity: Identity, token: str, password: str = NEW) -> bool:
    try:
        await identity.confirmations.reset_password(ORIGIN, token=token, password=password)
    except (LinkInvalid, Unavailable):  # too many hashes at once are turned away, and have spent nothing
        return False
    return True


async def test_of_fifty_uses_at_once_one_wins(store: Store) -> None:
    identity = await identity_on(store)
    user = await identity.person()
    token = await reset_link(identity, user.email)
    passwords = [f"horse number {n} that reads" for n in range(RACERS)]
    results = await asyncio.gather(*(spent(identity, token, password) for password in passwords))
    assert results.count(True) == 1
    await identity.sign_in(user, passwords[results.index(True)])
    assert not await spent(identity, token)


async def test_a_new_link_replaces_the_one_before(store: Store) -> None:
    identity = await identity_on(store)
    user = await identity.person()
    first, second = [await reset_link(identity, user.email) for _ in range(2)]
    assert not await spent(identity, first)
    assert await spent(identity, second)


async def test_links_that_are_made_at_once_leave_one_that_works(store: Store) -> None:
    identity = await identity_on(store)
    user = await identity.person()
    for _ in range(8):
        await identity.self_service.reset_password(ORIGIN, email=user.email)
    tickets = await store.job_queue.claim("mail", ["account_mail"], 50, store.clock.now())
    await asyncio.gather(*(identity.account_mail.deliver(ticket) for ticket in tickets))
    await identity.deliver()
    tokens = [re.findall(r"#(\S+)", mail.text)[0] for mail in identity.mailbox.mails]
    assert [await spent(identity, token) for token in tokens].count(True) == 1


async def test_a_link_is_for_its_purpose_alone(store: Store) -> None:
    identity = await identity_on(store)
    user, invited = await identity.person(), await identity.person(password=None)
    token = await reset_link(identity, user.email)
    await identity.users.invite(system_actor("test"), invited.id)
    await identity.deliver()
    invitation = identity.mailbox.token(invited.email)
    with pytest.raises(LinkInvalid):
        await identity.confirmations.accept_invitation(ORIGIN, token=token, password=NEW)
    for other in (token, invitation):
        with pytest.raises(LinkInvalid):
            await identity.confirmations.confirm_email(ORIGIN, token=other)
    assert not await spent(identity, invitation)
    assert await spent(identity, token)
    await identity.confirmations.accept_invitation(ORIGIN, token=invitation, password=NEW)


async def test_links_run_out(store: Store) -> None:
    identity = await identity_on(store)
    user, invited = await identity.person(), await identity.person(password=None)
    await identity.users.invite(system_actor("test"), invited.id)
    token = await reset_link(identity, user.email)
    invitation = identity.mailbox.token(invited.email)
    store.clock.forward(seconds=LIFETIME.total_seconds())
    assert not await spent(identity, token)
    store.clock.forward(seconds=(INVITATION_LIFETIME - LIFETIME).total_seconds() - 60)
    await identity.confirmations.accept_invitation(ORIGIN, token=invitation, password=NEW)


async def test_a_refused_password_leaves_the_link_as_it_was(store: Store) -> None:
    identity = await identity_on(store)
    user = await identity.person()
    token = await reset_link(identity, user.email)
    with pytest.raises(PasswordRefused):
        await identity.confirmations.reset_password(ORIGIN, token=token, password="short")
    assert await spent(identity, token)


async def test_a_reset_ends_all_sessions_and_voids_the_other_links(store: Store) -> None:
    identity = await identity_on(store)
    user = await identity.person()
    pair = await identity.sign_in(user)
    await identity.self_service.verify_email(ORIGIN, email=user.email)
    await identity.deliver()
    verification = identity.mailbox.token(user.email)
    assert await spent(identity, await reset_link(identity, user.email))
    with pytest.raises(TokenRefused):
        await identity.access.actor_of(pair.access_token, ORIGIN)
    with pytest.raises(InvalidGrant):
        await identity.authentication.refresh_grant(ORIGIN, refresh_token=pair.refresh_token)
    with pytest.raises(LinkInvalid):
        await identity.confirmations.confirm_email(ORIGIN, token=verification)
    await identity.deliver()
    assert identity.mailbox.subjects(user.email)[-1] == "Your password was changed"


async def test_the_links_of_an_account_go_with_it(store: Store) -> None:
    identity = await identity_on(store)
    user, shut = await identity.person(), await identity.person()
    token, other = [await reset_link(identity, one.email) for one in (user, shut)]
    await identity.users.delete(system_actor("test"), user.id, expected=None)
    await identity.users.disable(system_actor("test"), shut.id)
    assert not await spent(identity, token)
    assert not await spent(identity, other)


async def test_tokens_and_addresses_are_nowhere_in_the_clear(store: Store) -> None:
    """Neither the waiting job nor the row of the token nor the journal shows them."""
    identity = await identity_on(store)
    user = await identity.person()
    await identity.self_service.reset_password(ORIGIN, email=user.email)
    (ticket,) = await store.job_queue.claim("look", ["account_mail"], 1, store.clock.now())
    assert user.email not in str(ticket.payload)
    await identity.account_mail.deliver(ticket)
    token = identity.mailbox.token(user.email)
    async with store.operation("look") as uow:
        (row,) = await uow.one_time_tokens.of_user(user.id)
    assert row.secret_hash != token.encode()
    assert user.email.encode() not in row.content
    secrets = {token, row.secret_hash.hex(), hashlib.sha256(token.encode()).hexdigest()}
    for entry in await store.entries():
        body = str(await store.audit.event(entry.id))
        assert not [secret for secret in secrets if secret in body]
    assert await store.stored("job_rows", ticket.id) is None
