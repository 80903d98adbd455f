"""Links that nobody used and mails that could not be sent are forgotten in time, and nothing else, on every store."""

from datetime import timedelta

import pytest

from application.identity.upkeep import AT_ONCE, LINKS_KEPT, MAILS_KEPT, IdentityUpkeep
from application.shared.mail import MailRefused
from domain.identity.errors import PasswordRefused
from domain.identity.one_time_tokens import LIFETIME, OneTimeToken, TokenPurpose
from domain.operations.jobs import Job, JobStatus
from domain.shared.actor import system_actor
from domain.shared.errors import Unavailable
from domain.shared.values import ListQuery, new_id
from tests.identity_services import ORIGIN, PASSWORD, Identity, identity_on
from tests.stores import Store

EMAIL = "ada@example.com"
MAIL, OTHER = "account_mail", "ingest"


def upkeep_of(store: Store) -> IdentityUpkeep:
    return IdentityUpkeep(store.work, store.job_queue, store.clock)


async def links(store: Store) -> set[TokenPurpose]:
    async with store.operation("look") as uow:
        return {token.purpose for token in await uow.one_time_tokens.expired(store.clock.now() + 2 * MAILS_KEPT, 1000)}


async def registered(identity: Identity) -> None:
    await identity.self_service.register(ORIGIN, name="Ada", email=EMAIL, password=PASSWORD)
    await identity.deliver()


async def test_links_are_forgotten_a_day_after_their_time(store: Store) -> None:
    identity, upkeep = await identity_on(store), upkeep_of(store)
    await registered(identity)
    invited = await identity.person(password=None)
    await identity.users.invite(system_actor("test"), invited.id)
    await identity.deliver()
    store.clock.forward(seconds=(LIFETIME + LINKS_KEPT).total_seconds() - 60)
    assert not await upkeep.forget()
    assert await links(store) == {TokenPurpose.REGISTER, TokenPurpose.INVITATION}
    store.clock.forward(seconds=61)
    assert not await upkeep.forget()
    assert await links(store) == {TokenPurpose.INVITATION}
    gone = [entry for entry in await store.entries() if entry.operation == "link.expire"]
    assert [event.name for entry in gone for event in entry.events] == ["identity.one_time_token_expired.v1"]
    await identity.confirmations.accept_invitation(
        ORIGIN, token=identity.mailbox.token(invited.email), password=PASSWORD
    )


async def test_more_than_go_at_once_go_in_turns(store: Store) -> None:
    at, upkeep = store.clock.now(), upkeep_of(store)
    of_all = {"purpose": TokenPurpose.REGISTER, "user_id": None, "content": b"sealed", "at": at}
    for n in range(2):
        rows = range(n * AT_ONCE, n * AT_ONCE + AT_ONCE // (n + 1))
        await store.given(
            *(OneTimeToken.issue(subject=f"{one}", secret_hash=one.to_bytes(32), **of_all) for one in rows)
        )
    store.clock.forward(seconds=(LIFETIME + LINKS_KEPT).total_seconds())
    assert [await upkeep.forget() for _ in range(2)] == [True, False]
    assert await links(store) == set()


async def test_a_mail_that_is_asked_for_again_asks_for_the_password_of_the_registration(store: Store) -> None:
    """Others may have registered the address before, and be forgotten."""
    identity = await identity_on(store)
    await registered(identity)
    store.clock.forward(seconds=LIFETIME.total_seconds() + 60)
    await identity.self_service.verify_email(ORIGIN, email=EMAIL)
    await identity.deliver()
    token = identity.mailbox.token(EMAIL)
    for password in (None, "another horse that reads"):
        with pytest.raises(PasswordRefused):
            await identity.confirmations.confirm_email(ORIGIN, token=token, password=password)
    await identity.confirmations.confirm_email(ORIGIN, token=token, password=PASSWORD)


async def test_mails_that_failed_are_forgotten_after_a_week(store: Store) -> None:
    identity, upkeep = await identity_on(store), upkeep_of(store)
    identity.mailbox.fails = MailRefused()
    await identity.self_service.reset_password(ORIGIN, email=(await identity.person()).email)
    await identity.deliver()
    at = store.clock.now()
    other, waiting = [Job.queue(kind=kind, subject_id=new_id(), owner_id=None, at=at) for kind in (OTHER, MAIL)]
    other.fail("broken", "It is broken.", at)
    identity.mailbox.fails = Unavailable("mail_unavailable", "down")
    await store.given(other, waiting)
    store.clock.forward(seconds=MAILS_KEPT.total_seconds() - 60)
    assert not await upkeep.forget()
    assert len((await store.job_lists.jobs(system_actor("test"), ListQuery())).items) == 3
    store.clock.forward(seconds=61)
    assert not await upkeep.forget()
    left = (await store.job_lists.jobs(system_actor("test"), ListQuery())).items
    assert {(job.kind, job.status) for job in left} == {(OTHER, JobStatus.FAILED), (MAIL, JobStatus.QUEUED)}


async def test_no_more_jobs_go_than_were_asked_for(store: Store) -> None:
    at = store.clock.now()
    done = [Job.queue(kind=MAIL, subject_id=new_id(), owner_id=None, at=at) for _ in range(5)]
    for job in done:
        job.cancel(at)
    await store.given(*done)
    later = at + timedelta(seconds=1)
    assert [await store.job_queue.forget([MAIL], later, 3) for _ in range(3)] == [3, 2, 0]
