"""Who counts as an administrator that remains, on every store: a person, active, who has a way to sign in."""

from dataclasses import replace

import pytest

from application.identity.ports import LAST_ADMINISTRATOR
from domain.identity.errors import LastAdministrator
from domain.identity.federation import FederatedIdentity
from domain.identity.passkeys import Credential, Passkey
from domain.identity.users import User, UserKind
from domain.shared.entity import Aggregate
from tests.factories import PasswordFactory, UserFactory
from tests.identity_services import identity_on
from tests.stores import Store


def way_in(kind: str, user: User) -> Aggregate:
    at = user.created_at
    if kind == "password":
        credential: Aggregate = PasswordFactory(user=user)
        return credential
    if kind == "identity":
        issuer = "https://id.example.com"
        return FederatedIdentity.link(user_id=user.id, provider="corp", issuer=issuer, subject="ada", at=at)
    made = Credential(credential_id=b"credential", public_key=b"key", sign_count=0, transports=(), backed_up=False)
    return Passkey.add(user_id=user.id, label="phone", credential=made, at=at)


async def disabled(store: Store, user: User) -> None:
    async with store.operation("user.disable") as uow:
        (await uow.users.get(user.id)).disable(store.clock.now())
        uow.guard(LAST_ADMINISTRATOR, user.id)
        await uow.commit(None)


async def test_those_who_cannot_sign_in_are_not_left_as_the_last(store: Store) -> None:
    last, invited = UserFactory(admin=True), UserFactory(admin=True)
    service = UserFactory(admin=True, kind=UserKind.SERVICE)
    shut_out, viewer = UserFactory(admin=True, disabled=True), UserFactory(viewer=True)
    ways = [PasswordFactory(user=user) for user in (last, shut_out, viewer, service)]
    await store.given(last, invited, service, shut_out, viewer, *ways)
    with pytest.raises(LastAdministrator):
        await disabled(store, last)
    assert (await store.stored("users", last.id)).is_active


@pytest.mark.parametrize("kind", ["password", "passkey", "identity"])
async def test_one_way_in_is_enough(store: Store, kind: str) -> None:
    last, other = UserFactory(admin=True), UserFactory(admin=True)
    await store.given(last, other, PasswordFactory(user=last), way_in(kind, other))
    await disabled(store, last)
    with pytest.raises(LastAdministrator):
        await disabled(store, other)


async def test_the_last_way_in_of_the_last_one_stays(store: Store) -> None:
    identity = await identity_on(store)
    helper = await identity.signed_in(admin=True)
    last: User = UserFactory(admin=True)
    passkey = way_in("passkey", last)
    await store.given(last, passkey)
    await identity.users.take_role(helper, helper.require_user(), "admin")
    with pytest.raises(LastAdministrator):
        await identity.factor_reset.reset(helper, last.id)
    with pytest.raises(LastAdministrator):
        await identity.passkeys.remove(replace(helper, id=str(last.id), user_id=last.id), passkey.id)
    await store.given(PasswordFactory(user=last))
    await identity.factor_reset.reset(helper, last.id)
