"""What follows from the end of accounts, and how roles are looked up."""

from collections.abc import Sequence

import pytest

from application.shared.journal import JournalEntry
from domain.identity.sessions import SessionEnd
from domain.shared.actor import anonymous, system_actor
from domain.shared.errors import Conflict, Forbidden, NotFound, Unauthenticated
from tests.factories import ApiKeyFactory, SessionFactory
from tests.identity_services import ORIGIN, Identity

ROOT = system_actor("test")


async def react(identity: Identity, entries: Sequence[JournalEntry]) -> None:
    for entry in entries:
        for event in entry.events:
            for reaction in identity.reactions.table():
                if event.name in reaction.events:
                    await reaction.handle(entry, event)


async def test_sessions_that_slipped_in_are_ended_once(identity: Identity) -> None:
    user = await identity.person()
    await identity.users.disable(ROOT, user.id)
    late = SessionFactory(user=user)
    await identity.store.given(late)
    entries = await identity.store.entries()
    for _ in range(2):
        await react(identity, entries)
    assert (await identity.session(late.id)).end_reason is SessionEnd.ENDED
    added = (await identity.store.entries())[len(entries) :]
    assert [(entry.operation, entry.actor_id) for entry in added] == [("session.end", "system:reactions")]
    cause = next(entry for entry in entries if entry.operation == "user.disable")
    assert added[0].request_id == cause.request_id


async def test_whoever_was_enabled_again_keeps_his_sessions(identity: Identity) -> None:
    user = await identity.person()
    await identity.users.disable(ROOT, user.id)
    await identity.users.enable(ROOT, user.id)
    actor = await identity.actor(user)
    await react(identity, await identity.store.entries())
    assert (await identity.session(actor.session_id)).ended_at is None


async def test_of_a_deleted_user_nothing_is_left_to_react_to(identity: Identity) -> None:
    user = await identity.person()
    await identity.store.given(ApiKeyFactory(owner=user), SessionFactory(user=user))
    await identity.users.delete(ROOT, user.id, expected=None)
    rows = identity.store.database.tables
    assert not any(rows[table] for table in ("users", "passwords", "sessions", "api_keys"))
    for late in (ApiKeyFactory(owner=user), SessionFactory(user=user)):
        with pytest.raises(Conflict):
            await identity.store.given(late)


async def test_roles_are_looked_up(identity: Identity) -> None:
    roles = identity.roles
    assert [role.name for role in await roles.list(ROOT)] == ["admin", "editor", "viewer"]
    admin = await roles.get(ROOT, "admin")
    assert admin.every_collection
    assert "users:write" in admin.permissions
    with pytest.raises(NotFound):
        await roles.get(ROOT, "nobody")
    with pytest.raises(Unauthenticated):
        await roles.list(anonymous(ORIGIN))
    with pytest.raises(Forbidden):
        await roles.get(await identity.signed_in(viewer=True), "admin")
