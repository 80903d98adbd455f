"""Bytes of no document go after a day, those of documents, exports and fresh hand-ins stay, on every store."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from application.knowledge.orphans import AGE, AT_ONCE, OrphanBytes
from domain.knowledge.documents import Content, Document
from domain.shared.values import Instant, earliest_id, new_id
from tests.stores import Store


def key_of(at: Instant, number: int = 0) -> str:
    """A key that was made at this time."""
    return str(UUID(int=earliest_id(at).int + (7 << 76) + (2 << 62) + number))


def test_ids_of_earlier_moments_sort_before() -> None:
    now = datetime.now(UTC)
    assert earliest_id(now - timedelta(hours=1)) < new_id() < earliest_id(now + timedelta(hours=1))


async def held_by_documents(store: Store, *keys: str) -> None:
    made = [Content(blob_key=key, content_hash="0" * 64, bytes=1, media_type="text/plain") for key in keys]
    rest: dict[str, Any] = {"title": "T", "external_id": None, "metadata": {}, "at": store.clock.now()}
    await store.given(*(Document.submit(collection_id=new_id(), content=content, **rest) for content in made))


async def kept(store: Store) -> set[str]:
    return set(await store.blobs.keys("", "\x7f", 10_000))


async def test_bytes_of_no_document_go_after_a_day(store: Store) -> None:
    at = store.clock.now()
    keys = [key_of(at, number) for number in range(3)]
    export = f"export/{new_id()}"
    await store.blobs.put_many([(key, b"x" * 3_000_000) for key in (*keys, export)])
    await held_by_documents(store, keys[1])
    orphans = OrphanBytes(store.blobs, store.held_bytes, store.clock)
    store.clock.forward(seconds=AGE.total_seconds() - 1)
    assert not await orphans.sweep()
    assert await kept(store) == {*keys, export}
    store.clock.forward(seconds=2)
    assert not await orphans.sweep()
    assert await kept(store) == {keys[1], export}


async def test_all_are_looked_at_in_turns_and_what_comes_later_too(store: Store) -> None:
    keys = [key_of(store.clock.now(), number) for number in range(AT_ONCE + 1)]
    await store.blobs.put_many([(key, b"x") for key in keys])
    await held_by_documents(store, *keys[:AT_ONCE])
    orphans = OrphanBytes(store.blobs, store.held_bytes, store.clock)
    store.clock.forward(seconds=AGE.total_seconds() + 1)
    assert [await orphans.sweep() for _ in range(2)] == [True, False]
    assert await kept(store) == set(keys[:AT_ONCE])
    await store.blobs.put(key_of(store.clock.now()), b"x")
    store.clock.forward(seconds=AGE.total_seconds() + 1)
    assert not await orphans.sweep()
    assert await kept(store) == set(keys[:AT_ONCE])
