"""The seam, on every store: versions, guards, journal, and that nothing is written without a commit."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import pytest

from application.identity.ports import LAST_ADMINISTRATOR
from application.identity.views import UserView
from application.knowledge.ports import NewChunk
from domain.identity.credentials import PasswordCredential
from domain.identity.errors import EmailTaken, LastAdministrator
from domain.identity.sessions import Session
from domain.identity.users import User
from domain.knowledge.collections import Collection, Grant, Level, SubjectType
from domain.knowledge.documents import Content, Document
from domain.knowledge.errors import ExternalIdTaken
from domain.shared.errors import AlreadyExists, Conflict, NotFound, StaleVersion
from domain.shared.values import new_id
from tests.factories import PasswordFactory
from tests.stores import Store


def a_user(store: Store, email: str = "ada@example.com", roles: frozenset[str] = frozenset()) -> User:
    return User.register(name="Ada", email=email, roles=roles, at=store.clock.now())


def a_document(store: Store, collection_id: UUID, external_id: str | None = None) -> Document:
    content = Content(blob_key=str(new_id()), content_hash="0" * 64, bytes=3, media_type="text/plain")
    return Document.submit(
        collection_id=collection_id,
        title="T",
        content=content,
        external_id=external_id,
        metadata={"year": 2020, "tags": ["a", "ä"]},
        at=store.clock.now(),
    )


def a_chunk(ordinal: int) -> NewChunk:
    return NewChunk(
        id=new_id(),
        ordinal=ordinal,
        text=f"chunk {ordinal}",
        headings=("One", "Two"),
        page=None,
        start=0,
        end=7,
        vector=bytes(16),
        terms=b"\x01\x02",
    )


async def test_what_is_committed_is_found_again_whole(store: Store) -> None:
    user = a_user(store, roles=frozenset({"editor", "viewer"}))
    await store.given(user)
    found = await store.stored("users", user.id)
    assert UserView.of(found) == UserView.of(user)
    assert found.version == 1
    assert found.created_at == user.created_at


async def test_leaving_without_commit_writes_nothing(store: Store) -> None:
    user = a_user(store)
    async with store.operation("user.create") as uow:
        uow.users.add(user)
        assert await uow.users.get(user.id) is user
    assert await store.stored("users", user.id) is None
    assert await store.entries() == []


async def test_of_two_writers_the_second_is_told(store: Store) -> None:
    user = a_user(store)
    await store.given(user)
    async with store.operation("a") as first, store.operation("b") as second:
        (await first.users.get(user.id)).rename("Ada L.", store.clock.now())
        (await second.users.get(user.id)).rename("Eve", store.clock.now())
        await first.commit(None)
        with pytest.raises(StaleVersion):
            await second.commit(None)
    assert (await store.stored("users", user.id)).name == "Ada L."
    assert [entry.operation for entry in await store.entries()] == ["given", "a"]


async def test_of_many_writers_at_once_one_wins(store: Store) -> None:
    user = a_user(store)
    await store.given(user)
    both_read = asyncio.Barrier(8)

    async def rename(name: str) -> bool:
        async with store.operation("user.rename") as uow:
            (await uow.users.get(user.id)).rename(name, store.clock.now())
            await both_read.wait()
            try:
                await uow.commit(None)
            except StaleVersion:
                return False
            return True

    won = await asyncio.gather(*(rename(f"n{n}") for n in range(8)))
    assert sum(won) == 1
    assert (await store.stored("users", user.id)).version == 2


async def test_an_expected_version_that_differs_is_stale(store: Store) -> None:
    user = a_user(store)
    await store.given(user)
    async with store.operation("look") as uow:
        with pytest.raises(StaleVersion):
            await uow.users.get(user.id, 7)
        assert (await uow.users.get(user.id, 1)).id == user.id
        with pytest.raises(NotFound):
            await uow.users.get(new_id())


async def test_a_change_of_owned_rows_moves_the_root(store: Store) -> None:
    user = a_user(store, roles=frozenset({"editor"}))
    await store.given(user)
    async with store.operation("user.set_roles") as uow:
        found = await uow.users.get(user.id)
        found.set_roles(frozenset({"viewer"}), store.clock.now())
        view = await uow.commit(UserView.of(found))
    again = await store.stored("users", user.id)
    assert again.roles == {"viewer"}
    assert view == UserView.of(again)
    assert again.version == 2


async def test_views_made_before_the_commit_carry_the_version_it_makes(store: Store) -> None:
    user = a_user(store)
    async with store.operation("user.create") as uow:
        uow.users.add(user)
        view = await uow.commit(UserView.of(user))
    assert view.version == (await store.stored("users", user.id)).version == 1


async def test_work_may_go_on_after_a_commit(store: Store) -> None:
    user = a_user(store)
    async with store.operation("user.create") as uow:
        uow.users.add(user)
        await uow.commit(None)
        user.rename("Eve", store.clock.now())
        await uow.commit(None)
    assert (await store.stored("users", user.id)).version == 2
    assert [entry.version for entry in await store.entries()] == [1, 2]


async def test_unique_values_are_refused_by_their_name(store: Store) -> None:
    await store.given(a_user(store))
    with pytest.raises(EmailTaken):
        await store.given(a_user(store))
    collection = new_id()
    await store.given(a_document(store, collection, "x"))
    with pytest.raises(ExternalIdTaken):
        await store.given(a_document(store, collection, "x"))
    await store.given(a_document(store, new_id(), "x"))


async def test_an_id_is_given_once(store: Store) -> None:
    user = a_user(store)
    await store.given(user)
    user.email = "eve@example.com"
    with pytest.raises(AlreadyExists, match="already_exists"):
        await store.given(user)


async def test_what_refers_to_nothing_is_refused(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.given(PasswordCredential.set(new_id(), "hash", store.clock.now()))


async def test_parents_and_children_of_one_commit_are_written_in_order(store: Store) -> None:
    user = a_user(store)
    credential = PasswordCredential.set(user.id, "hash", store.clock.now())
    await store.given(credential, user)
    assert (await store.stored("passwords", user.id)).password_hash == "hash"


async def test_removing_a_parent_takes_its_children(store: Store) -> None:
    user = a_user(store)
    at = store.clock.now()
    session = Session.start(session_id=new_id(), user_id=user.id, secret_hash=bytes(32), at=at)
    await store.given(user, session)
    async with store.operation("user.delete") as uow:
        found = await uow.users.get(user.id)
        found.delete(store.clock.now())
        uow.users.remove(found)
        await uow.commit(None)
    assert await store.stored("users", user.id) is None
    assert await store.stored("sessions", session.id) is None


async def test_a_guard_that_breaks_keeps_everything_as_it_was(store: Store) -> None:
    user = a_user(store, roles=frozenset({"admin"}))
    await store.given(user, PasswordFactory(user=user))
    async with store.operation("user.disable") as uow:
        (await uow.users.get(user.id)).disable(store.clock.now())
        uow.guard(LAST_ADMINISTRATOR, user.id)
        with pytest.raises(LastAdministrator):
            await uow.commit(None)
    assert (await store.stored("users", user.id)).status.value == "active"
    assert [entry.operation for entry in await store.entries()] == ["given", "given"]


async def test_all_administrators_disabled_at_once_leave_one(store: Store) -> None:
    users = [a_user(store, f"a{n}@example.com", frozenset({"admin"})) for n in range(6)]
    await store.given(*users, *(PasswordFactory(user=user) for user in users))
    both_read = asyncio.Barrier(6)

    async def disable(user: User) -> bool:
        async with store.operation("user.disable") as uow:
            (await uow.users.get(user.id)).disable(store.clock.now())
            uow.guard(LAST_ADMINISTRATOR, user.id)
            await both_read.wait()
            try:
                await uow.commit(None)
            except LastAdministrator:
                return False
            return True

    assert sorted(await asyncio.gather(*(disable(user) for user in users))) == [False] + [True] * 5


async def test_each_change_makes_one_entry_with_its_events(store: Store) -> None:
    user = a_user(store)
    await store.given(user)
    async with store.operation("user.disable") as uow:
        (await uow.users.get(user.id)).disable(store.clock.now())
        await uow.commit(None)
    entries = await store.entries()
    assert [entry.position for entry in entries] == [1, 2]
    assert [event.name for event in entries[1].events] == ["identity.user_disabled.v1"]
    assert entries[1].events[0].payload["user_id"] == str(user.id)
    assert (entries[1].target_type, entries[1].target_id) == ("user", str(user.id))


async def test_an_unchanged_aggregate_makes_no_entry(store: Store) -> None:
    user = a_user(store)
    await store.given(user)
    async with store.operation("look") as uow:
        await uow.users.get(user.id)
        await uow.commit(None)
    assert len(await store.entries()) == 1


async def test_the_trail_shows_what_changed_but_no_secret(store: Store) -> None:
    user = a_user(store)
    credential = PasswordCredential.set(user.id, "very-secret-hash", store.clock.now())
    await store.given(user, credential)
    async with store.operation("user.rename") as uow:
        (await uow.users.get(user.id)).rename("Eve", store.clock.now())
        await uow.commit(None)
    events = [await store.audit.event(entry.id) for entry in await store.entries()]
    assert events[-1].before == {"name": "Ada"}
    assert events[-1].after == {"name": "Eve"}
    assert "very-secret-hash" not in json.dumps([event.after for event in events])
    assert events[-1].sequence is None
    await store.seal()
    assert (await store.audit.event(events[-1].id)).sequence == 3


async def test_chunks_are_replaced_and_removed_with_their_document(store: Store) -> None:
    document = a_document(store, new_id())
    async with store.operation("document.ingest") as uow:
        uow.documents.add(document)
        uow.chunks.replace(document, [a_chunk(n) for n in range(3)], "v1")
        await uow.commit(None)
    first = await store.chunk_rows.of_documents([document.id])
    async with store.operation("document.ingest") as uow:
        uow.chunks.replace(document, [a_chunk(n) for n in range(2)], "v1")
        await uow.commit(None)
    second = await store.chunk_rows.of_documents([document.id])
    assert (len(first.numbers), len(second.numbers)) == (3, 2)
    assert min(second.numbers) > max(first.numbers)
    assert second.vectors.shape == (2, 4)
    assert list(second.terms) == [b"\x01\x02"] * 2
    async with store.operation("document.delete") as uow:
        found = await uow.documents.get(document.id)
        uow.chunks.remove(document.id)
        uow.documents.remove(found)
        await uow.commit(None)
    assert await store.chunk_rows.count() == 0


async def test_documents_keep_their_metadata_and_grants_their_subjects(store: Store) -> None:
    at = store.clock.now()
    collection = Collection.create(name="C", description="", metadata={"a": [1, None]}, manager_id=new_id(), at=at)
    grants = collection.grants | {Grant(SubjectType.EVERYONE, None, Level.READ)}
    collection.set_grants(grants, store.clock.now())
    document = a_document(store, collection.id)
    await store.given(collection, document)
    assert (await store.stored("collections", collection.id)).grants == grants
    assert (await store.stored("documents", document.id)).metadata == {"year": 2020, "tags": ["a", "ä"]}


async def test_times_keep_their_microseconds(store: Store) -> None:
    user = a_user(store)
    user.created_at = user.created_at.replace(microsecond=123_457) + timedelta(0)
    await store.given(user)
    assert (await store.stored("users", user.id)).created_at == user.created_at


async def test_a_broken_constraint_is_told_by_its_name_whatever_the_value_is(store: Store) -> None:
    for mark in ('"', "'", "' for key 'x", "\\"):
        collection = new_id()
        await store.given(a_document(store, collection, f"a{mark}b"))
        with pytest.raises(ExternalIdTaken):
            await store.given(a_document(store, collection, f"a{mark}b"))
