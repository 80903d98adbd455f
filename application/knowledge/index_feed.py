"""Keeps the indexes of this process in step with the chunk rows, by following the journal."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from application.knowledge.changes import DocumentChanges
from application.knowledge.ports import ChunkRows
from application.knowledge.retrieval import ChunkBatch, ChunkIndex
from application.shared.journal import STRETCH_MAX, Journal, JournalEntry, JournalEvent, Stretch
from domain.knowledge.collections import CollectionDeleted
from domain.knowledge.documents import DocumentChanged, DocumentDeleted, DocumentFailed, DocumentReady

ENTRIES_PER_PASS = 1000
CHUNKS_PER_LOAD = 5000
INDEXED = frozenset(
    event.name for event in (DocumentReady, DocumentFailed, DocumentDeleted, DocumentChanged, CollectionDeleted)
)
"""The events that an index follows."""

Progress = Callable[[int, int], None]


class IndexFeed:
    """Feeds one or more indexes alike. Truth is rows: what an entry names is loaded as it is now, so repeats are safe.

    `position` is the journal's, as far as the indexes have come. An error leaves it where it was; call again.
    """

    def __init__(
        self,
        journal: Journal,
        rows: ChunkRows,
        indexes: Sequence[tuple[str, ChunkIndex]],
        changes: DocumentChanges,
        folder: Path | None = None,
    ) -> None:
        self._journal, self._rows, self._changes, self._folder = journal, rows, changes, folder
        self._indexes = dict(indexes)
        self._turn = asyncio.Lock()
        self.position = 0
        self.ready = False

    async def start(self, on_progress: Progress | None = None) -> None:
        """Load the snapshots, rebuild from rows what has none, and catch up; `ready` from then on.

        `on_progress` is told how many of how many chunks were read while rebuilding.
        """
        async with self._turn:
            head = await self._journal.head()
            loaded = {name: await self._loaded(name, index, head) for name, index in self._indexes.items()}
            missing = [index for name, index in self._indexes.items() if loaded[name] is None]
            if missing:
                await self._rebuild(missing, on_progress)
            self.position = min((position for position in loaded.values() if position is not None), default=head)
        while await self.catch_up():
            pass
        self.ready = True

    async def catch_up(self) -> int:
        """Follow one pass of the journal; by how far it went, 0 at its end. Raises what a store or index does."""
        async with self._turn:
            began = self.position
            until = min(await self._journal.head(), began + STRETCH_MAX)
            if until <= began:
                return 0
            entries = await self._journal.after(began, ENTRIES_PER_PASS, until=until, events=INDEXED)
            end = entries[-1].position if len(entries) == ENTRIES_PER_PASS else until
            await self._take(Stretch(began, end, entries))
            return end - began

    async def follow(self, stretch: Stretch) -> int:
        """Take what somebody else has read, of the events `INDEXED`; by how far it went."""
        async with self._turn:
            began = self.position
            if not stretch.begin <= began < stretch.end:
                return 0
            await self._take(stretch)
            return stretch.end - began

    async def save(self, folder: Path | None = None) -> None:
        """Publish a snapshot of all indexes as of `position`; in the folder they are loaded from unless told."""
        target = folder or self._folder
        if target is None:
            return
        async with self._turn:
            for name, index in self._indexes.items():
                await asyncio.to_thread(index.save, target / name, self.position)

    async def _take(self, stretch: Stretch) -> None:
        news = _News.of(stretch.entries)
        for document_ids in news.loads():
            batch = await self._rows.of_documents(document_ids)
            await asyncio.to_thread(self._replace, document_ids, batch)
        if news.gone or news.collections:
            await asyncio.to_thread(self._remove, news)
        self.position = stretch.end
        if news.any:
            self._changes.moved()

    async def _loaded(self, name: str, index: ChunkIndex, head: int) -> int | None:
        """The position of the newest snapshot that is of this journal; None without one."""
        if self._folder is None:
            return None
        return await asyncio.to_thread(index.load, self._folder / name, latest=head)

    async def _rebuild(self, indexes: Sequence[ChunkIndex], on_progress: Progress | None) -> None:
        total, done, last = await self._rows.count(), 0, 0
        while True:
            batch = await self._rows.after(last, CHUNKS_PER_LOAD)
            if not len(batch.numbers):
                return
            for index in indexes:
                await asyncio.to_thread(index.put, batch)
            last, done = int(batch.numbers[-1]), done + len(batch.numbers)
            if on_progress is not None:
                on_progress(done, max(total, done))

    def _replace(self, document_ids: Sequence[UUID], batch: ChunkBatch) -> None:
        for index in self._indexes.values():
            index.remove_documents(document_ids)
            if len(batch.numbers):
                index.put(batch)

    def _remove(self, news: "_News") -> None:
        for index in self._indexes.values():
            index.remove_documents(sorted(news.gone))
            for collection_id in sorted(news.collections):
                index.remove_collection(collection_id)


@dataclass(slots=True)
class _News:
    """What entries say of chunks: documents to load with their count of chunks, and what is gone."""

    ready: dict[UUID, int] = field(default_factory=dict)
    gone: set[UUID] = field(default_factory=set)
    collections: set[UUID] = field(default_factory=set)
    any: bool = False

    @classmethod
    def of(cls, entries: Sequence[JournalEntry]) -> "_News":
        news = cls()
        for entry in entries:
            for event in entry.events:
                if event.name in INDEXED:
                    news._note(event, UUID(entry.target_id))
        return news

    def _note(self, event: JournalEvent, target: UUID) -> None:
        self.any = True
        if event.name == CollectionDeleted.name:
            self.collections.add(target)
        elif event.name == DocumentReady.name:
            self.ready[target] = int(event.payload.get("chunk_count", 0))
            self.gone.discard(target)
        elif event.name != DocumentChanged.name:
            self.ready.pop(target, None)
            self.gone.add(target)

    def loads(self) -> Iterator[list[UUID]]:
        """Documents to load, as many at a time as memory bears."""
        part: list[UUID] = []
        chunks = 0
        for document_id, count in self.ready.items():
            if part and chunks + count > CHUNKS_PER_LOAD:
                yield part
                part, chunks = [], 0
            part.append(document_id)
            chunks += count
        if part:
            yield part
