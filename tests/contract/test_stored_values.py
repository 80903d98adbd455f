"""What is stored comes back as it was, and keys differ where their bytes differ, on every store."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.identity.errors import EmailTaken
from domain.identity.users import User
from domain.knowledge.answers import Answer, AnswerMode
from domain.knowledge.collections import Collection
from domain.knowledge.documents import Content, Document
from domain.knowledge.errors import ExternalIdTaken
from domain.shared.values import ListQuery, Sort, new_id
from tests.stores import Store

MOMENT = datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)
ALIKE = ["Zoë", "zoë", "Zoe", "ZOË", "Zoe\u0308", "Zoë ", "Zoë  ", " Zoë", "straße", "strasse", "𝒵oë", "名前", "Zoë\t"]
"""Words that collations like to take for one another."""


def a_document(store: Store, collection_id: UUID, external_id: str) -> Document:
    content = Content(blob_key=str(new_id()), content_hash="0" * 64, bytes=3, media_type="text/plain")
    return Document.submit(
        collection_id=collection_id,
        title="T",
        content=content,
        external_id=external_id,
        metadata={},
        at=store.clock.now(),
    )


async def test_keys_that_differ_in_a_byte_are_different_keys(store: Store) -> None:
    collection = new_id()
    made = [a_document(store, collection, key) for key in ALIKE]
    await store.given(*made)
    for document in made:
        async with store.operation("look") as uow:
            found = await uow.documents.by_external_id(collection, document.external_id)
            assert found.id == document.id
        page = await store.reads.documents(collection, ListQuery(filters={"external_id": document.external_id}))
        assert [one.id for one in page.items] == [document.id]
    with pytest.raises(ExternalIdTaken):
        await store.given(a_document(store, collection, ALIKE[0]))


async def test_names_are_sorted_by_their_code_points(store: Store) -> None:
    made = [User.register(name="N", email=f"u{n}@example.com", at=store.clock.now()) for n in range(len(ALIKE))]
    for user, name in zip(made, ALIKE, strict=True):
        user.name = name
    await store.given(*made)
    page = await store.lists.users(ListQuery(sort=Sort("name", descending=False)))
    assert [user.name for user in page.items] == sorted(ALIKE)


async def test_ids_are_sorted_by_their_bytes(store: Store) -> None:
    at = store.clock.now()
    ids = [UUID(int=n << shift) for shift in (0, 48, 64, 80, 120) for n in (1, 200)]
    made = [User.register(name="N", email=f"u{n}@example.com", at=at) for n in range(len(ids))]
    for user, one in zip(made, ids, strict=True):
        user.id, user.created_at = one, at
    await store.given(*made)
    page = await store.lists.users(ListQuery(sort=Sort("created_at", descending=False)))
    assert [user.id for user in page.items] == sorted(ids)


async def test_an_address_is_taken_by_its_like_only(store: Store) -> None:
    at = store.clock.now()
    await store.given(User.register(name="A", email="müller@example.com", at=at))
    await store.given(User.register(name="A", email="muller@example.com", at=at))
    with pytest.raises(EmailTaken):
        await store.given(User.register(name="A", email="müller@example.com", at=at))


async def test_moments_numbers_and_texts_come_back_as_they_were(store: Store) -> None:
    text = "𝄞 🜚 é é \\ ' \" % _ \n\r\x1a ꙮ" * 20_000
    answer = Answer(
        id=new_id(),
        created_at=MOMENT,
        updated_at=MOMENT,
        owner_id=None,
        question="?",
        mode=AnswerMode.EXTRACTIVE,
        text=text,
        citations=(),
        model=None,
        usage={"tokens": 2**40, "share": 0.1, "none": None, "𝄞": ["\\", "🜚"]},
        took_ms=1234.567890123,
    )
    await store.given(answer)
    found = await store.stored("answers", answer.id)
    assert found.text == text
    assert (found.created_at, found.took_ms) == (MOMENT, 1234.567890123)
    assert found.usage == answer.usage


async def test_large_contents_come_back_whole(store: Store) -> None:
    content = bytes(range(256)) * 12_000
    await store.blobs.put("large", content)
    assert await store.blobs.read("large") == content


async def test_writing_a_row_as_it_was_is_no_stale_write(store: Store) -> None:
    """A server that counts changed rows, rather than found ones, would take this for a lost version check."""
    collection = Collection.create(name="C", description="", metadata={}, manager_id=new_id(), at=MOMENT)
    await store.given(collection)
    assert await store.leases.hold("one", "me", 60)
    store.clock.forward(seconds=-1e-6)
    assert await store.leases.hold("one", "me", 60)
    assert not await store.leases.hold("one", "other", 60)
