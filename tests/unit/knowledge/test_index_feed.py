"""The index feed: whatever happened, the indexes come to hold what the rows hold."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from adapters.keywords.memory import MemoryKeywordIndex
from adapters.vectors.memory import MemoryVectorIndex
from application.knowledge import index_feed
from application.knowledge.index_feed import IndexFeed
from application.knowledge.retrieval import AllowedSet, ChunkBatch
from application.knowledge.views import CollectionView
from domain.shared.actor import Actor
from domain.shared.errors import Unavailable
from tests.knowledge_services import Library


@pytest.fixture
async def papers(library: Library, ada: Actor) -> CollectionView:
    made = await library.collection(ada)
    for number in range(12):
        await library.hand_in(ada, made, f"Wing number {number} bends.", external_id=str(number))
    await library.settle()
    return made


class Snapshots(MemoryKeywordIndex):
    """An index whose snapshots are objects in memory, shared by folder."""

    kept: dict[Path, tuple[int, Any]] = {}  # noqa: RUF012

    def save(self, folder: Path, position: int) -> None:
        self.kept[folder] = (position, dict(self._chunks))

    def load(self, folder: Path, *, latest: int | None = None) -> int | None:
        if folder not in self.kept or (latest is not None and self.kept[folder][0] > latest):
            return None
        position, self._chunks = self.kept[folder]
        return position


def feed_of(library: Library, folder: Path | None = None, *, vectors: Any = None) -> tuple[IndexFeed, Any, Any]:
    keywords, vectors = Snapshots(), MemoryVectorIndex() if vectors is None else vectors
    indexes = [("keywords", keywords), ("vectors", vectors)]
    return (
        IndexFeed(library.store.journal, library.store.chunk_rows, indexes, library.changes, folder),
        keywords,
        vectors,
    )


async def numbers(library: Library) -> list[int]:
    found: list[int] = (await library.store.chunk_rows.numbers()).tolist()
    return found


def held(index: Any) -> list[int]:
    return sorted(index._chunks)


async def test_without_snapshots_it_is_rebuilt_from_rows(
    library: Library, papers: CollectionView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_feed, "CHUNKS_PER_LOAD", 5)
    feed, keywords, vectors = feed_of(library)
    told: list[tuple[int, int]] = []
    assert not feed.ready
    await feed.start(lambda done, total: told.append((done, total)))
    assert feed.ready
    assert feed.position == await library.store.journal.head()
    assert held(keywords) == held(vectors) == await numbers(library)
    assert told == [(5, 12), (10, 12), (12, 12)]


async def test_an_empty_installation_starts_too(library: Library) -> None:
    feed, keywords, _ = feed_of(library)
    await feed.start()
    assert (feed.ready, feed.position, len(keywords)) == (True, 0, 0)


async def test_it_follows_what_happens(library: Library, ada: Actor, papers: CollectionView) -> None:
    feed, keywords, vectors = feed_of(library)
    await feed.start()
    found = (await library.search(ada, "wing number 3", limit=1)).items[0]
    await library.documents.delete(ada, found.document_id, expected=None)
    await library.hand_in(ada, papers, "Wing number 4 breaks.", external_id="4")
    await library.hand_in(ada, papers, " ", external_id="5")
    await library.hand_in(ada, papers, "A new wing.")
    other = await library.collection(ada, "Other")
    await library.hand_in(ada, other, "A wing elsewhere.")
    await library.settle()
    assert await feed.catch_up() > 0
    assert await feed.catch_up() == 0
    assert held(keywords) == held(vectors) == await numbers(library)
    assert feed.position == await library.store.journal.head()
    await library.collections.delete(ada, papers.id, expected=None)
    await feed.catch_up()
    assert len(keywords) == len(vectors) == 1, "before any reaction deletes the rows"
    await library.settle()
    await feed.catch_up()
    assert held(keywords) == await numbers(library)


async def test_it_works_in_passes(
    library: Library, ada: Actor, papers: CollectionView, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, keywords, _ = feed_of(library)
    await feed.start()
    monkeypatch.setattr(index_feed, "ENTRIES_PER_PASS", 4)
    monkeypatch.setattr(index_feed, "CHUNKS_PER_LOAD", 2)
    for number in range(6):
        await library.hand_in(ada, papers, f"Rudder number {number}.")
    await library.settle()
    began = feed.position
    passes = [await feed.catch_up() for _ in range(3)]
    assert [bool(steps) for steps in passes] == [True, True, False]
    assert began + sum(passes) == feed.position == await library.store.journal.head()
    assert held(keywords) == await numbers(library)


async def test_filters_are_asked_anew_after_news_of_others(
    library: Library, ada: Actor, papers: CollectionView
) -> None:
    feed, *_ = feed_of(library)
    await feed.start()
    before = library.changes.count
    await library.collection(ada, "Nothing to do with documents")
    await feed.catch_up()
    assert library.changes.count == before
    document = (await library.search(ada, "wing")).items[0].document_id
    async with library.store.operation("elsewhere") as uow:
        changed = await uow.documents.get(document)
        changed.describe(title="Wing", metadata={"a": 1}, at=library.store.clock.now())
        await uow.commit(None)
    await feed.catch_up()
    assert library.changes.count == before + 1


async def test_an_error_leaves_it_where_it_was(
    library: Library, ada: Actor, papers: CollectionView, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, keywords, vectors = feed_of(library)
    await feed.start()
    position = feed.position
    await library.hand_in(ada, papers, "A new wing.")
    await library.settle()
    put = vectors.put

    def failing(_batch: ChunkBatch) -> None:
        raise Unavailable("vectors_down", "The vector store cannot be reached.")

    monkeypatch.setattr(vectors, "put", failing)
    with pytest.raises(Unavailable):
        await feed.catch_up()
    assert feed.position == position
    monkeypatch.setattr(vectors, "put", put)
    await feed.catch_up()
    assert held(keywords) == held(vectors) == await numbers(library)


async def test_snapshots_save_the_rebuilding(
    library: Library, ada: Actor, papers: CollectionView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Snapshots, "kept", {})
    feed, *_ = feed_of(library, tmp_path, vectors=Snapshots())
    await feed.start()
    await feed.save()
    await library.hand_in(ada, papers, "A new wing.")
    await library.settle()
    later, keywords, vectors = feed_of(library, tmp_path, vectors=Snapshots())
    asked: list[int] = []
    monkeypatch.setattr(library.store.chunk_rows, "after", lambda *_: asked.append(1))
    await later.start()
    assert not asked
    assert held(keywords) == held(vectors) == await numbers(library)


async def test_an_index_without_snapshot_is_rebuilt_beside_one_with(
    library: Library, ada: Actor, papers: CollectionView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Snapshots, "kept", {})
    feed, *_ = feed_of(library, tmp_path)
    await feed.start()
    await feed.save(tmp_path)
    await library.hand_in(ada, papers, "A new wing.")
    await library.settle()
    later, keywords, vectors = feed_of(library, tmp_path)
    await later.start()
    assert held(keywords) == held(vectors) == await numbers(library)


async def test_a_snapshot_of_another_journal_is_not_believed(
    library: Library, papers: CollectionView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Snapshots, "kept", {tmp_path / "keywords": (9999, {})})
    feed, keywords, _ = feed_of(library, tmp_path)
    await feed.start()
    assert feed.position == await library.store.journal.head()
    assert held(keywords) == await numbers(library)


async def test_without_a_folder_nothing_is_saved(library: Library, papers: CollectionView) -> None:
    feed, *_ = feed_of(library)
    await feed.start()
    await feed.save()
    assert not Snapshots.kept


async def test_searches_go_on_while_it_follows(library: Library, ada: Actor, papers: CollectionView) -> None:
    feed, keywords, _ = feed_of(library)
    await feed.start()
    await library.hand_in(ada, papers, "A new wing.")
    await library.settle()
    await asyncio.gather(feed.catch_up(), feed.catch_up())
    documents: Sequence[UUID] = [hit.document_id for hit in (await library.search(ada, "wing", limit=100)).items]
    allowed = AllowedSet(None, frozenset(documents))
    assert len(keywords.search(library.analyzer.query("wing"), allowed=allowed, limit=100).numbers) == 13
    assert isinstance(keywords.search(np.array([], dtype=np.uint32), allowed=allowed, limit=5).numbers, np.ndarray)
