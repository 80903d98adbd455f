"""Linked identities and what may be used once, on every store."""

import asyncio
import hashlib
from datetime import timedelta

import pytest

from application.identity.federated_accounts import FederatedAccounts
from domain.identity.errors import AccountUnknown, IdentityTaken
from domain.identity.federation import FederatedIdentity, ProvenIdentity, ProviderPolicy
from domain.identity.sessions import Authentication, Method
from domain.identity.users import User
from domain.shared.actor import Origin, system_actor
from tests.factories import BEGINNING, UserFactory
from tests.identity_services import identity_on
from tests.stores import Store

ISSUER = "https://id.example.com"
ORIGIN = Origin("r-1", "192.0.2.1")
OPEN = ProviderPolicy(admits_new=True, new_roles=frozenset({"viewer"}), role_map={"staff": "editor"})


def an_identity(user: User, subject: str = "ada", issuer: str = ISSUER) -> FederatedIdentity:
    return FederatedIdentity.link(user_id=user.id, provider="corp", issuer=issuer, subject=subject, at=BEGINNING)


def somebody(subject: str = "ada", email: str = "ada@corp.example", *values: str) -> ProvenIdentity:
    return ProvenIdentity(
        issuer=ISSUER,
        subject=subject,
        authentication=Authentication(BEGINNING, (Method.FEDERATED,)),
        email=email,
        email_verified=True,
        values=frozenset(values),
    )


async def test_an_identity_is_found_by_issuer_and_subject_letter_by_letter(store: Store) -> None:
    user = UserFactory()
    await store.given(user)
    identity = an_identity(user)
    async with store.operation("identity.link") as uow:
        uow.identities.add(identity)
        await uow.commit(None)
    async with store.operation("look") as uow:
        found = await uow.identities.by_subject(ISSUER, "ada")
        assert (found.id, found.user_id, found.provider) == (identity.id, user.id, "corp")
        for issuer, subject in ((ISSUER, "Ada"), (ISSUER, "ada "), (f"{ISSUER}/", "ada"), (ISSUER, "adá")):
            assert await uow.identities.by_subject(issuer, subject) is None
        assert [one.id for one in await uow.identities.of_user(user.id)] == [identity.id]


async def test_one_identity_leads_to_one_account(store: Store) -> None:
    users = [UserFactory(), UserFactory()]
    await store.given(*users)

    async def link(user: User) -> None:
        async with store.operation("identity.link") as uow:
            uow.identities.add(an_identity(user))
            await uow.commit(None)

    results = await asyncio.gather(*(link(user) for user in users), return_exceptions=True)
    assert sorted(type(result) for result in results if result is not None) == [IdentityTaken]


async def test_identities_go_with_their_account(store: Store) -> None:
    identity = await identity_on(store)
    user = await identity.person()
    async with store.operation("identity.link") as uow:
        uow.identities.add(an_identity(user))
        await uow.commit(None)
    await identity.users.delete(system_actor("test"), user.id, expected=1)
    async with store.operation("look") as uow:
        assert await uow.identities.by_subject(ISSUER, "ada") is None


async def test_many_first_sign_ins_of_one_person_make_one_account(store: Store) -> None:
    accounts = FederatedAccounts(store.work, store.clock)
    calls = [accounts.account_of(ORIGIN, "corp", OPEN, somebody("ada", "ada@corp.example", "staff")) for _ in range(8)]
    ids = set(await asyncio.gather(*calls))
    assert len(ids) == 1
    user = await store.stored("users", ids.pop())
    assert (user.email, user.email_verified, user.roles) == ("ada@corp.example", True, {"viewer", "editor"})


async def test_an_address_that_somebody_has_makes_no_account(store: Store) -> None:
    await store.given(UserFactory(email="ada@corp.example"))
    accounts = FederatedAccounts(store.work, store.clock)
    with pytest.raises(AccountUnknown):
        await accounts.account_of(ORIGIN, "corp", OPEN, somebody())


async def test_the_last_administrator_stays_one_whatever_the_claims_say(store: Store) -> None:
    accounts = FederatedAccounts(store.work, store.clock)
    policy = ProviderPolicy(admits_new=True, role_map={"root": "admin"})
    people = [somebody(f"p{n}", f"p{n}@corp.example", "root") for n in range(4)]
    for person in people:
        await accounts.account_of(ORIGIN, "corp", policy, person)
    fallen = [somebody(person.subject, person.email or "") for person in people]
    ids = await asyncio.gather(*(accounts.account_of(ORIGIN, "corp", policy, person) for person in fallen))
    users = [await store.stored("users", found) for found in ids]
    assert sorted(len(user.roles) for user in users) == [0, 0, 0, 1]


async def test_what_was_used_once_is_used_up_on_all_processes(store: Store) -> None:
    digest, until = hashlib.sha256(b"x").digest(), BEGINNING + timedelta(minutes=10)
    for _ in range(3):
        digest = hashlib.sha256(digest).digest()
        first = await asyncio.gather(*(store.spent_proofs.spend(digest, until) for _ in range(20)))
        assert first.count(True) == 1
    assert await store.spent_proofs.spend(hashlib.sha256(b"other").digest(), until)


async def test_it_is_forgotten_when_its_time_is_over_and_not_before(store: Store) -> None:
    spent, digests = store.spent_proofs, [hashlib.sha256(bytes([n])).digest() for n in range(5)]
    for n, digest in enumerate(digests):
        await spent.spend(digest, BEGINNING + timedelta(minutes=n))
    assert await spent.forget(BEGINNING + timedelta(minutes=2), 2) == 2
    assert await spent.forget(BEGINNING + timedelta(minutes=2), 2) == 1
    assert await spent.forget(BEGINNING + timedelta(minutes=2), 2) == 0
    assert [await spent.spend(digest, BEGINNING) for digest in digests] == [True, True, True, False, False]
