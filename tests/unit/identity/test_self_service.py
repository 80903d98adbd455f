"""Registration, proof of an address, invitations: who gets a mail, and what the answer tells, which is nothing."""

from typing import Any

import bcrypt
import pytest

from adapters.limits.memory import MemoryCounts
from adapters.limits.windows import WindowRateLimiter
from application.identity.mail_requests import ACCOUNT_MAIL, PER_ADDRESS, PER_TARGET
from application.identity.self_service import Registration
from domain.identity.errors import (
    AlreadyJoined,
    EmailTaken,
    InvalidGrant,
    LinkInvalid,
    PasswordRefused,
    RegistrationClosed,
)
from domain.identity.second_factors import TotpFactor
from domain.identity.users import UserKind, UserStatus
from domain.operations.jobs import JobStatus
from domain.shared.actor import Origin, system_actor
from domain.shared.errors import Invalid, RateLimited, Unavailable
from domain.shared.values import new_id
from tests.identity_services import HASHER, ORIGIN, PASSWORD, Identity, identity_on
from tests.stores import memory_store

ADA = {"name": "Ada", "email": "ada@example.com", "password": PASSWORD}
TEST = system_actor("test")


async def registered(identity: Identity, **members: str) -> None:
    await identity.self_service.register(ORIGIN, **(ADA | members))
    await identity.deliver()


async def test_who_registers_has_an_account_once_the_address_is_proven(identity: Identity) -> None:
    await registered(identity)
    with pytest.raises(InvalidGrant):
        await identity.authentication.password_grant(ORIGIN, email=ADA["email"], password=PASSWORD)
    await identity.confirmations.confirm_email(ORIGIN, token=identity.mailbox.token(ADA["email"]))
    await identity.authentication.password_grant(ORIGIN, email=ADA["email"], password=PASSWORD)
    user = await identity.users.by_email(TEST, ADA["email"])
    assert (user.name, user.email_verified, user.roles) == ("Ada", True, ("viewer",))


async def test_the_mail_to_somebody_unknown_carries_nothing_that_the_sender_typed(identity: Identity) -> None:
    await registered(identity, name="Win a prize at http://evil.example")
    (mail,) = identity.mailbox.mails
    assert "evil" not in mail.text + mail.subject


async def test_a_known_address_learns_so_in_its_mailbox_and_keeps_its_password(identity: Identity) -> None:
    user = await identity.person()
    await registered(identity, email=user.email, password="the password of somebody else")
    assert identity.mailbox.subjects(user.email) == ["You have an account already"]
    await identity.sign_in(user)


async def test_the_mail_can_be_had_again_until_the_address_is_proven(identity: Identity) -> None:
    await registered(identity)
    await identity.self_service.verify_email(ORIGIN, email=ADA["email"])
    await identity.deliver()
    old, new = [mail.text.split("#")[1].split()[0] for mail in identity.mailbox.mails]
    with pytest.raises(LinkInvalid):
        await identity.confirmations.confirm_email(ORIGIN, token=old)
    await identity.confirmations.confirm_email(ORIGIN, token=new, password=PASSWORD)
    await identity.self_service.verify_email(ORIGIN, email=ADA["email"])
    await identity.deliver()
    assert len(identity.mailbox.mails) == 2


async def test_an_account_proves_its_address(identity: Identity) -> None:
    user = await identity.person()
    await identity.self_service.verify_email(ORIGIN, email=user.email.upper())
    await identity.deliver()
    await identity.confirmations.confirm_email(ORIGIN, token=identity.mailbox.token(user.email))
    assert (await identity.users.get(TEST, user.id)).email_verified


async def test_an_address_that_was_changed_meanwhile_is_not_proven_by_the_old_link(identity: Identity) -> None:
    user = await identity.person()
    await identity.self_service.verify_email(ORIGIN, email=user.email)
    await identity.deliver()
    view = await identity.users.get(TEST, user.id)
    await identity.users.change(
        TEST, user.id, name=view.name, email="new@example.com", roles=frozenset(), expected=None
    )
    with pytest.raises(LinkInvalid):
        await identity.confirmations.confirm_email(ORIGIN, token=identity.mailbox.token(user.email))


async def test_an_address_that_somebody_else_got_meanwhile_is_told(identity: Identity) -> None:
    await registered(identity)
    await identity.person(email=ADA["email"])
    with pytest.raises(EmailTaken):
        await identity.confirmations.confirm_email(ORIGIN, token=identity.mailbox.token(ADA["email"]))


async def test_unknown_shut_and_service_accounts_get_no_mail(identity: Identity) -> None:
    shut, service = await identity.person(status=UserStatus.DISABLED), await identity.person(kind=UserKind.SERVICE)
    for email in ("nobody@example.com", shut.email, service.email):
        await identity.self_service.reset_password(ORIGIN, email=email)
        await identity.self_service.verify_email(ORIGIN, email=email)
    await registered(identity, email=shut.email)
    assert identity.mailbox.mails == []


async def test_registration_can_be_closed_or_for_the_invited() -> None:
    closed = await identity_on(memory_store(), registration=Registration.CLOSED)
    with pytest.raises(RegistrationClosed):
        await registered(closed)
    invited = await identity_on(memory_store(), registration=Registration.INVITED)
    await registered(invited)
    assert invited.mailbox.mails == []
    await invited.users.create(TEST, name="Ada", email=ADA["email"])
    await registered(invited)
    assert invited.mailbox.subjects(ADA["email"]) == ["You are invited"]


async def test_a_person_without_password_is_invited_and_chooses_one(identity: Identity) -> None:
    made = await identity.users.create(TEST, name="Ada", email=ADA["email"], invite=True)
    await identity.deliver()
    await identity.users.invite(TEST, made.id)
    await identity.deliver()
    assert identity.mailbox.subjects(ADA["email"]) == ["You are invited"] * 2
    token = identity.mailbox.token(ADA["email"])
    await identity.confirmations.accept_invitation(ORIGIN, token=token, password=PASSWORD)
    await identity.authentication.password_grant(ORIGIN, email=ADA["email"], password=PASSWORD)
    assert (await identity.users.get(TEST, made.id)).email_verified
    with pytest.raises(AlreadyJoined):
        await identity.users.invite(TEST, made.id)


@pytest.mark.parametrize("more", [{"password": PASSWORD}, {"kind": UserKind.SERVICE}, {"invite": False}])
async def test_nobody_else_is_invited(identity: Identity, more: dict[str, Any]) -> None:
    await identity.users.create(TEST, **({"name": "Ada", "email": ADA["email"], "invite": True} | more))
    await identity.deliver()
    assert identity.mailbox.mails == []


async def test_a_mail_goes_to_the_stored_address_and_never_to_a_look_alike(identity: Identity) -> None:
    """The Kelvin sign folds to k, so it finds the account; a Cyrillic letter is another address altogether."""
    user = await identity.person(email="mike@example.com")
    for typed in ("mi\u212ae@example.com", "ｍike@example.com", "mik\u0435@example.com"):
        await identity.self_service.reset_password(ORIGIN, email=typed)
    await identity.deliver()
    assert [mail.to for mail in identity.mailbox.mails] == [user.email] * 2


@pytest.mark.parametrize("email", ["a@example.com\r\nBcc: b@example.com", "a@example.com,b@example.com", "a b@c.de"])
async def test_no_address_smuggles_another_one(identity: Identity, email: str) -> None:
    with pytest.raises(Invalid):
        await identity.self_service.reset_password(ORIGIN, email=email)


async def test_mails_are_limited_for_a_target_and_for_an_address_known_or_not() -> None:
    identity = await identity_on(memory_store(), limiter=WindowRateLimiter(MemoryCounts(lambda: 0.0)))
    known = await identity.person()
    for target in (known.email, "nobody@example.com"):
        for n in range(PER_TARGET.units):
            await identity.self_service.reset_password(Origin(client_address=f"192.0.2.{n}"), email=target)
        with pytest.raises(RateLimited, match="mail_limited"):
            await identity.self_service.verify_email(Origin(client_address="192.0.2.99"), email=target)
    for n in range(PER_ADDRESS.units):
        await identity.self_service.reset_password(Origin(client_address="192.0.2.200"), email=f"u{n}@example.com")
    with pytest.raises(RateLimited, match="mail_limited"):
        await identity.self_service.reset_password(Origin(client_address="192.0.2.200"), email="more@example.com")


async def test_a_common_password_is_refused_before_any_mail(identity: Identity) -> None:
    with pytest.raises(PasswordRefused):
        await registered(identity, password="passwordpassword")
    await identity.deliver()
    assert identity.mailbox.mails == []


async def test_a_mail_waits_for_its_server_and_is_given_up_in_the_end(identity: Identity) -> None:
    user = await identity.person()
    identity.mailbox.fails = Unavailable("mail_unavailable", "down")
    await identity.self_service.reset_password(ORIGIN, email=user.email)
    await identity.deliver()
    assert await identity.store.job_queue.open_count() == 1
    identity.mailbox.fails = None
    identity.store.clock.forward(seconds=3)
    await identity.deliver()
    assert len(identity.mailbox.mails) == 1
    assert await identity.store.job_queue.open_count() == 0
    identity.mailbox.fails = Unavailable("mail_unavailable", "down")
    await identity.self_service.reset_password(ORIGIN, email=user.email)
    for _ in range(5):
        await identity.deliver()
        identity.store.clock.forward(seconds=100)
    (job,) = identity.store.database.rows("jobs")
    assert (job["status"], job["error_code"]) == (JobStatus.FAILED.value, "mail_unavailable")


async def test_a_mail_that_was_sealed_under_another_key_ends_its_job(identity: Identity) -> None:
    async with identity.store.operation("queue") as uow:
        uow.jobs.queue(ACCOUNT_MAIL, new_id(), None, payload={"sealed": "AAAA"})
        await uow.commit(None)
    await identity.deliver()
    (job,) = identity.store.database.rows("jobs")
    assert (job["status"], job["error_code"]) == (JobStatus.FAILED.value, "mail_unreadable")


async def test_a_hash_of_an_unknown_form_is_refused_and_a_known_one_signs_in(identity: Identity) -> None:
    with pytest.raises(PasswordRefused) as refused:
        await identity.users.create(TEST, name="Ada", email=ADA["email"], password_hash="md5$salt$abc")
    assert refused.value.violations[0].code == "hash_unknown"
    kept = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    made = await identity.users.create(TEST, name="Ada", email=ADA["email"], password_hash=kept)
    await identity.authentication.password_grant(ORIGIN, email=ADA["email"], password=PASSWORD)
    credential = await identity.store.stored("passwords", made.id)
    assert credential.password_hash.startswith("$argon2id$")


async def test_eight_characters_are_enough_for_whoever_has_a_second_factor(identity: Identity) -> None:
    user = await identity.person()
    factor = TotpFactor.begin(user.id, b"sealed", identity.store.clock.now())
    factor.confirm(identity.store.clock.now())
    await identity.self_service.reset_password(ORIGIN, email=user.email)
    await identity.deliver()
    token = identity.mailbox.token(user.email)
    with pytest.raises(PasswordRefused):
        await identity.confirmations.reset_password(ORIGIN, token=token, password="x9 v-q2k")
    async with identity.store.operation("given") as uow:
        uow.totp_factors.add(factor)
        await uow.commit(None)
    await identity.confirmations.reset_password(ORIGIN, token=token, password="x9 v-q2k")


class Counted:
    """The database in memory, which counts what is read and written."""

    def __init__(self, identity: Identity) -> None:
        self._database, self.calls = identity.store.database, [0, 0]
        self._rows, self._row, self._write = self._database.rows, self._database.row, self._database.write
        self._database.rows = self._counting(self._rows, 0)
        self._database.row = self._counting(self._row, 0)
        self._database.write = self._counting(self._write, 1)

    def _counting(self, call: Any, place: int) -> Any:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls[place] += 1
            return call(*args, **kwargs)

        return counted

    def taken(self) -> list[int]:
        calls, self.calls[:] = list(self.calls), [0, 0]
        return calls


async def test_known_and_unknown_addresses_are_the_same_work(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same reads, writes and hashes; `python -m benchmarks.account_timing` holds a clock to it."""
    user, hashes = await identity.person(), [0]
    for name in ("hash", "verify"):
        real = getattr(HASHER, name)

        async def counted(*args: Any, real: Any = real) -> Any:
            hashes[0] += 1
            return await real(*args)

        monkeypatch.setattr(HASHER, name, counted)
    counts = Counted(identity)
    work: dict[str, list[list[int]]] = {}
    for email in (user.email, "nobody@example.com"):
        await identity.self_service.reset_password(ORIGIN, email=email)
        work.setdefault("reset", []).append([*counts.taken(), hashes[0]])
        await identity.self_service.verify_email(ORIGIN, email=email)
        work.setdefault("verify", []).append([*counts.taken(), hashes[0]])
        await identity.self_service.register(ORIGIN, name="Ada", email=email, password=PASSWORD)
        work.setdefault("register", []).append([*counts.taken(), hashes[0]])
        with pytest.raises(InvalidGrant):
            await identity.authentication.password_grant(ORIGIN, email=email, password="a wrong one, surely")
        work.setdefault("sign-in", []).append([*counts.taken(), hashes[0]])
        hashes[0] = 0
    assert {name: known == unknown for name, (known, unknown) in work.items()} == dict.fromkeys(work, True)
    assert work["register"][0][2] == 1
    assert work["reset"][0] == [0, 1, 0]


async def test_a_mail_whose_request_was_altered_is_given_up_at_once(identity: Identity) -> None:
    user = await identity.person()
    await identity.self_service.reset_password(ORIGIN, email=user.email)
    (job,) = identity.store.database.rows("jobs")
    identity.store.database.tables["jobs"][job["id"]]["payload"] = {}
    await identity.deliver()
    assert identity.mailbox.mails == []
    (job,) = identity.store.database.rows("jobs")
    assert (job["status"], job["error_code"]) == (JobStatus.FAILED.value, "mail_unreadable")
