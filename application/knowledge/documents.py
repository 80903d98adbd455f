"""Use cases on documents: handing in, reading, describing, deleting, ingesting again."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from application.knowledge.changes import DocumentChanges
from application.knowledge.hand_in import BYTES_MAX, HandIn, Weighed, weigh
from application.knowledge.intake import INGEST, Intake
from application.knowledge.ports import BlobStore, KnowledgeReads, KnowledgeWork
from application.knowledge.sight import seen_collection, seen_document
from application.knowledge.views import ChunkView, DocumentView, Submission
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Repeat, Work, repeatable
from domain.knowledge.collections import Level
from domain.knowledge.documents import Document
from domain.knowledge.metadata import check_metadata, storable
from domain.shared.actor import Actor, Permission
from domain.shared.errors import AlreadyExists, FastOpsError, Invalid, StaleVersion, Unavailable, Violation
from domain.shared.values import ListQuery, Page

TRIES = 3
"""Attempts of a hand-in that meets another one of the same content or external_id."""


class DocumentService:
    """Documents are seen through the grants of their collection."""

    def __init__(
        self,
        work: Work[KnowledgeWork],
        reads: KnowledgeReads,
        blobs: BlobStore,
        clock: Clock,
        changes: DocumentChanges,
        bytes_max: int = BYTES_MAX,
    ) -> None:
        self._work, self._reads, self._blobs, self._clock = work, reads, blobs, clock
        self._changes, self._bytes_max = changes, bytes_max

    @repeatable
    async def submit(
        self, actor: Actor, collection_id: UUID, hand_in: HandIn, *, repeat: Repeat | None = None
    ) -> Submission:
        """Take a document in and queue its ingestion. The same content again gives the document that is there.

        The same `external_id` with other content makes a new version; the old one is found until the new one is ready.
        """
        actor.require(Permission.DOCUMENTS_WRITE)
        operation = Operation("document.submit", actor, repeat)
        for left in reversed(range(TRIES)):
            weighed = await weigh(hand_in, self._bytes_max)
            try:
                return (await self._take(operation, collection_id, [weighed], None))[0]
            except (AlreadyExists, StaleVersion):
                if not left:
                    raise
        raise AssertionError("unreachable")

    async def submit_many(
        self, actor: Actor, collection_id: UUID, hand_ins: Sequence[HandIn], *, worker: str | None = None
    ) -> list[Submission]:
        """Take many documents in with one commit, for programs. With `worker` it holds the jobs: see their tickets."""
        actor.require(Permission.DOCUMENTS_WRITE)
        operation = Operation("document.submit", actor)
        for left in reversed(range(TRIES)):
            weighed = [await weigh(hand_in, self._bytes_max) for hand_in in hand_ins]
            try:
                return await self._take(operation, collection_id, weighed, worker)
            except (AlreadyExists, StaleVersion):
                if not left:
                    raise
        raise AssertionError("unreachable")

    async def get(self, actor: Actor, document_id: UUID) -> DocumentView:
        """One document with its state."""
        actor.require(Permission.DOCUMENTS_READ)
        async with self._work(Operation("document.get", actor)) as uow:
            return DocumentView.of(await seen_document(uow, actor, document_id))

    async def page(self, actor: Actor, collection_id: UUID, query: ListQuery) -> Page[DocumentView]:
        """The documents of one collection."""
        actor.require(Permission.DOCUMENTS_READ)
        async with self._work(Operation("document.list", actor)) as uow:
            await seen_collection(uow, actor, collection_id)
        return await self._reads.documents(collection_id, query)

    async def change(
        self, actor: Actor, document_id: UUID, *, title: str, metadata: Mapping[str, Any], expected: int | None
    ) -> DocumentView:
        """Change title and metadata. A new title is part of every chunk, so the document is ingested again."""
        actor.require(Permission.DOCUMENTS_WRITE)
        async with self._work(Operation("document.change", actor)) as uow:
            document = await seen_document(uow, actor, document_id, Level.WRITE, expected)
            if not storable(title):
                raise Invalid(violations=[Violation("/title", "characters", "Use neither NUL nor lone surrogates.")])
            before, at = document.title, self._clock.now()
            document.describe(title=title, metadata=check_metadata(metadata), at=at)
            if document.title != before:
                await self._queue(uow, document, actor)
            view = await uow.commit(DocumentView.of(document))
        self._changes.moved()
        return view

    async def delete(self, actor: Actor, document_id: UUID, *, expected: int | None) -> None:
        """Remove a document in whatever state it is, with its chunks and jobs; searches forget it at once."""
        actor.require(Permission.DOCUMENTS_WRITE)
        async with self._work(Operation("document.delete", actor)) as uow:
            document = await seen_document(uow, actor, document_id, Level.WRITE, expected)
            await remove(uow, document, self._clock)
            await uow.commit(None)
        await self._changes.forget([document_id])

    async def content(self, actor: Actor, document_id: UUID) -> tuple[DocumentView, AsyncIterator[bytes]]:
        """The document and its original bytes in parts."""
        actor.require(Permission.DOCUMENTS_READ)
        async with self._work(Operation("document.content", actor)) as uow:
            document = await seen_document(uow, actor, document_id)
            return DocumentView.of(document), self._blobs.stream(document.content.blob_key)

    async def chunks(self, actor: Actor, document_id: UUID, query: ListQuery) -> Page[ChunkView]:
        """The chunks of a document, in their order."""
        actor.require(Permission.DOCUMENTS_READ)
        async with self._work(Operation("document.chunks", actor)) as uow:
            await seen_document(uow, actor, document_id)
        return await self._reads.chunks_of(document_id, query)

    @repeatable
    async def reingest(self, actor: Actor, document_id: UUID, *, repeat: Repeat | None = None) -> Submission:
        """Extract, cut and embed a document again; what is there serves until the new chunks are ready."""
        actor.require(Permission.DOCUMENTS_WRITE)
        async with self._work(Operation("document.reingest", actor, repeat)) as uow:
            document = await seen_document(uow, actor, document_id, Level.WRITE)
            job_id = await self._queue(uow, document, actor)
            return await uow.commit(Submission(document=DocumentView.of(document), job_id=job_id))

    async def _take(
        self, operation: Operation, collection_id: UUID, items: Sequence[Weighed], worker: str | None
    ) -> list[Submission]:
        async with self._work(operation) as uow:
            await seen_collection(uow, operation.actor, collection_id, Level.WRITE)
            intake = Intake(uow, self._blobs, self._clock, operation.actor, worker)
            is_committing = False
            try:
                submissions = await intake.take(collection_id, items)
                is_committing = True
                await uow.commit(submissions if operation.repeat is None else submissions[0])
            except FastOpsError as error:
                if not (is_committing and isinstance(error, Unavailable)):  # a commit in doubt needs its bytes
                    await intake.undo()
                raise
            return submissions

    async def _queue(self, uow: KnowledgeWork, document: Document, actor: Actor) -> UUID:
        await uow.jobs.cancel_of(document.id)
        document.requeue(self._clock.now())
        return uow.jobs.queue(INGEST, document.id, actor.user_id).id


async def remove(uow: KnowledgeWork, document: Document, clock: Clock) -> None:
    """Collect the end of a document: its open jobs, its chunks, itself. A reaction removes its bytes."""
    await uow.jobs.cancel_of(document.id)
    uow.chunks.remove(document.id)
    document.delete(clock.now())
    uow.documents.remove(document)
