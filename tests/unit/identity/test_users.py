"""Accounts as administrators manage them."""

import asyncio
from dataclasses import replace

import pytest

from application.shared.unit_of_work import Repeat
from domain.identity.errors import (
    EmailTaken,
    InvalidGrant,
    LastAdministrator,
    PasswordRefused,
    RightsNotHeld,
    TokenRefused,
    UnknownRole,
)
from domain.identity.roles import VIEWER
from domain.identity.users import UserKind
from domain.shared.actor import Actor, Permission, anonymous, system_actor
from domain.shared.errors import FastOpsError, Forbidden, Invalid, NotFound, StaleVersion, Unauthenticated, WrongState
from domain.shared.values import ListQuery, new_id
from tests.factories import ApiKeyFactory, SessionFactory
from tests.identity_services import ORIGIN, PASSWORD, Identity

ROOT = system_actor("test")


def helpdesk(actor: Actor) -> Actor:
    """An actor with a permission set of his own: accounts, and what a viewer may."""
    return replace(
        actor,
        permissions=VIEWER.permissions | {Permission.USERS_READ, Permission.USERS_WRITE},
        every_collection=False,
    )


async def test_a_created_account_signs_in(identity: Identity) -> None:
    view = await identity.users.create(
        ROOT, name=" Ada ", email="Ada@Example.com", password=PASSWORD, roles=frozenset({"editor"})
    )
    assert (view.name, view.email, view.roles, view.version) == ("Ada", "ada@example.com", ("editor",), 1)
    assert view == await identity.users.get(ROOT, view.id)
    pair = await identity.authentication.password_grant(ORIGIN, email="ADA@example.com ", password=PASSWORD)
    assert (await identity.access.actor_of(pair.access_token, ORIGIN)).user_id == view.id


async def test_an_address_belongs_to_one_account(identity: Identity) -> None:
    first = await identity.person()
    second = await identity.person()
    with pytest.raises(EmailTaken):
        await identity.users.create(ROOT, name="Eve", email=first.email.upper())
    with pytest.raises(EmailTaken):
        await identity.users.change(ROOT, second.id, name="Eve", email=first.email, roles=frozenset(), expected=None)


async def test_of_two_who_take_an_address_at_once_one_is_told(identity: Identity) -> None:
    creates = [identity.users.create(ROOT, name="Ada", email="ada@example.com") for _ in range(2)]
    results = await asyncio.gather(*creates, return_exceptions=True)
    assert sorted(isinstance(result, EmailTaken) for result in results) == [False, True]


async def test_a_repeated_create_gives_the_first_answer(identity: Identity) -> None:
    def repeat() -> Repeat:
        return Repeat("key-1", "somebody", "POST /users", "same")

    first = await identity.users.create(ROOT, name="Ada", email="ada@example.com", repeat=repeat())
    again = repeat()
    assert await identity.users.create(ROOT, name="Ada", email="ada@example.com", repeat=again) == first
    assert again.replayed


async def test_a_repeated_disable_gives_the_first_answer(identity: Identity) -> None:
    user = await identity.person()
    answers = [
        await identity.users.disable(ROOT, user.id, repeat=Repeat("key-2", "somebody", "disable", "same"))
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    with pytest.raises(WrongState):
        await identity.users.disable(ROOT, user.id)


@pytest.mark.parametrize("roles", [{"nobody"}, {"viewer", "root"}])
async def test_unknown_roles_are_refused(identity: Identity, roles: set[str]) -> None:
    user = await identity.person()
    with pytest.raises(UnknownRole):
        await identity.users.create(ROOT, name="Ada", email="ada@example.com", roles=frozenset(roles))
    with pytest.raises(UnknownRole):
        await identity.users.change(ROOT, user.id, name="Ada", email=user.email, roles=frozenset(roles), expected=None)
    with pytest.raises(NotFound):
        await identity.users.give_role(ROOT, user.id, "nobody")


async def test_service_accounts_have_no_password(identity: Identity) -> None:
    with pytest.raises(Invalid):
        await identity.users.create(
            ROOT, name="Robot", email="robot@example.com", password=PASSWORD, kind=UserKind.SERVICE
        )
    robot = await identity.users.create(ROOT, name="Robot", email="robot@example.com", kind=UserKind.SERVICE)
    with pytest.raises(Invalid):
        await identity.users.reset_password(ROOT, robot.id, PASSWORD)


async def test_every_verb_needs_its_permission(identity: Identity) -> None:
    user = await identity.person()
    viewer = await identity.signed_in(viewer=True)
    users, same = identity.users, {"name": "A", "email": user.email, "roles": frozenset[str](), "expected": None}
    for actor, error in ((viewer, Forbidden), (anonymous(ORIGIN), Unauthenticated)):
        for verb in (
            users.create(actor, name="Eve", email="eve@example.com"),
            users.get(actor, user.id),
            users.by_email(actor, user.email),
            users.page(actor, ListQuery()),
            users.change(actor, user.id, **same),  # type: ignore[arg-type]
            users.disable(actor, user.id),
            users.enable(actor, user.id),
            users.delete(actor, user.id, expected=None),
            users.give_role(actor, user.id, "viewer"),
            users.take_role(actor, user.id, "viewer"),
            users.reset_password(actor, user.id, PASSWORD),
        ):
            with pytest.raises(error):
                await verb


async def test_accounts_are_found_by_address_and_in_pages(identity: Identity) -> None:
    people = [await identity.person(password=None) for _ in range(3)]
    assert (await identity.users.by_email(ROOT, people[1].email.upper())).id == people[1].id
    with pytest.raises(NotFound):
        await identity.users.by_email(ROOT, "nobody@example.com")
    with pytest.raises(NotFound):
        await identity.users.get(ROOT, new_id())
    page = await identity.users.page(ROOT, ListQuery(filters={"email": people[2].email}))
    assert [user.id for user in page.items] == [people[2].id]


async def test_a_change_moves_the_version_and_unverifies_a_new_address(identity: Identity) -> None:
    user = await identity.person(email_verified=True)
    view = await identity.users.change(
        ROOT, user.id, name="Ada", email="ada@example.org", roles=frozenset({"viewer"}), expected=1
    )
    assert (view.name, view.email, view.email_verified, view.roles, view.version) == (
        "Ada",
        "ada@example.org",
        False,
        ("viewer",),
        2,
    )
    with pytest.raises(StaleVersion):
        await identity.users.change(ROOT, user.id, name="Eve", email="ada@example.org", roles=frozenset(), expected=1)
    same = await identity.users.change(
        ROOT, user.id, name="Ada", email="ada@example.org", roles=frozenset({"viewer"}), expected=2
    )
    assert same == view


async def test_disabling_shuts_out_at_once_and_ends_the_sessions_for_good(identity: Identity) -> None:
    user = await identity.person()
    pair = await identity.sign_in(user)
    disabled = await identity.users.disable(ROOT, user.id, expected=1)
    assert (disabled.status, disabled.version) == ("disabled", 2)
    with pytest.raises(TokenRefused):
        await identity.access.actor_of(pair.access_token, ORIGIN)
    with pytest.raises(InvalidGrant):
        await identity.sign_in(user)
    assert (await identity.users.enable(ROOT, user.id, expected=2)).status == "active"
    with pytest.raises(TokenRefused):
        await identity.access.actor_of(pair.access_token, ORIGIN)
    with pytest.raises(InvalidGrant):
        await identity.authentication.refresh_grant(ORIGIN, refresh_token=pair.refresh_token)
    with pytest.raises(WrongState):
        await identity.users.enable(ROOT, user.id)
    await identity.sign_in(user)


async def test_enabling_ends_sessions_that_slipped_in_while_disabled(identity: Identity) -> None:
    user = await identity.person(disabled=True)
    late = SessionFactory(user=user)
    await identity.store.given(late)
    await identity.users.enable(ROOT, user.id)
    assert (await identity.session(late.id)).ended_at is not None


async def test_deleting_takes_password_keys_and_sessions_along(identity: Identity) -> None:
    user = await identity.person()
    key = ApiKeyFactory(owner=user)
    await identity.store.given(key)
    pair = await identity.sign_in(user)
    with pytest.raises(StaleVersion):
        await identity.users.delete(ROOT, user.id, expected=7)
    await identity.users.delete(ROOT, user.id, expected=1)
    for kind in ("users", "passwords"):
        assert await identity.store.stored(kind, user.id) is None
    assert await identity.store.principals.of_api_key(key.id) is None
    for refused in (
        identity.access.actor_of(pair.access_token, ORIGIN),
        identity.sign_in(user),
        identity.users.delete(ROOT, user.id, expected=None),
    ):
        with pytest.raises(FastOpsError):
            await refused


async def test_the_last_administrator_stays(identity: Identity) -> None:
    last = await identity.person(admin=True)
    await identity.person(admin=True, disabled=True)
    for verb in (
        identity.users.disable(ROOT, last.id),
        identity.users.delete(ROOT, last.id, expected=None),
        identity.users.take_role(ROOT, last.id, "admin"),
        identity.users.change(ROOT, last.id, name="A", email=last.email, roles=frozenset({"editor"}), expected=None),
    ):
        with pytest.raises(LastAdministrator):
            await verb
    await identity.person(admin=True)
    assert (await identity.users.take_role(ROOT, last.id, "admin")).roles == ()


async def test_two_administrators_cannot_shut_each_other_out_at_once(identity: Identity) -> None:
    pair = [await identity.person(admin=True) for _ in range(2)]
    results = await asyncio.gather(*(identity.users.disable(ROOT, user.id) for user in pair), return_exceptions=True)
    assert sorted(isinstance(result, LastAdministrator) for result in results) == [False, True]


async def test_roles_are_given_and_taken_once(identity: Identity) -> None:
    user = await identity.person()
    given = [await identity.users.give_role(ROOT, user.id, "viewer") for _ in range(2)]
    assert [(view.roles, view.version) for view in given] == [(("viewer",), 2)] * 2
    taken = [await identity.users.take_role(ROOT, user.id, "viewer") for _ in range(2)]
    assert [(view.roles, view.version) for view in taken] == [((), 3)] * 2


async def test_nobody_gives_rights_that_he_does_not_hold(identity: Identity) -> None:
    clerk, user = helpdesk(await identity.signed_in()), await identity.person()
    for verb in (
        identity.users.create(clerk, name="Eve", email="eve@example.com", roles=frozenset({"admin"})),
        identity.users.create(clerk, name="Eve", email="eve@example.com", roles=frozenset({"editor"})),
        identity.users.give_role(clerk, user.id, "editor"),
        identity.users.change(clerk, user.id, name="Eve", email=user.email, roles=frozenset({"admin"}), expected=None),
    ):
        with pytest.raises(RightsNotHeld):
            await verb
    assert (await identity.users.give_role(clerk, user.id, "viewer")).roles == ("viewer",)


async def test_sight_of_every_collection_is_a_right_too(identity: Identity) -> None:
    everything_but_sight = replace(ROOT, every_collection=False)
    user = await identity.person()
    with pytest.raises(RightsNotHeld):
        await identity.users.give_role(everything_but_sight, user.id, "admin")


async def test_nobody_takes_over_an_account_with_more_rights(identity: Identity) -> None:
    clerk, boss = helpdesk(await identity.signed_in()), await identity.person(admin=True)
    await identity.person(admin=True)
    for verb in (
        identity.users.reset_password(clerk, boss.id, PASSWORD),
        identity.users.change(
            clerk, boss.id, name=boss.name, email="mine@example.com", roles=boss.roles, expected=None
        ),
        identity.users.take_role(clerk, boss.id, "admin"),
    ):
        with pytest.raises(RightsNotHeld):
            await verb
    renamed = await identity.users.change(
        clerk, boss.id, name="Boss", email=boss.email, roles=boss.roles, expected=None
    )
    assert renamed.name == "Boss"


async def test_a_reset_password_replaces_the_old_one_and_ends_all_sessions(identity: Identity) -> None:
    user = await identity.person()
    pair = await identity.sign_in(user)
    await identity.users.reset_password(ROOT, user.id, "another horse that reads")
    with pytest.raises(InvalidGrant):
        await identity.sign_in(user)
    with pytest.raises(TokenRefused):
        await identity.access.actor_of(pair.access_token, ORIGIN)
    await identity.sign_in(user, "another horse that reads")


async def test_a_reset_gives_a_first_password(identity: Identity) -> None:
    user = await identity.person(password=None)
    with pytest.raises(InvalidGrant):
        await identity.sign_in(user)
    with pytest.raises(PasswordRefused):
        await identity.users.reset_password(ROOT, user.id, "short")
    await identity.users.reset_password(ROOT, user.id, PASSWORD)
    await identity.sign_in(user)


@pytest.mark.parametrize("verb", ["disable", "enable", "delete"])
async def test_nobody_shuts_out_or_removes_those_with_more_rights(identity: Identity, verb: str) -> None:
    admin = await identity.person(admin=True, disabled=verb == "enable")
    await identity.person(admin=True)
    actor = helpdesk(await identity.signed_in(viewer=True))
    with pytest.raises(RightsNotHeld):
        await getattr(identity.users, verb)(actor, admin.id, expected=None)
    equal = await identity.person(viewer=True, disabled=verb == "enable")
    await getattr(identity.users, verb)(actor, equal.id, expected=None)
