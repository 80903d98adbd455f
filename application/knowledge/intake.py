"""Taking weighed hand-ins into a collection: found again, replaced or new, within one unit of work."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from application.knowledge.hand_in import Weighed, parts
from application.knowledge.ports import BlobStore, KnowledgeWork
from application.knowledge.views import DocumentView, Submission
from application.shared.ports import Clock
from domain.knowledge.documents import Document
from domain.shared.actor import Actor
from domain.shared.errors import FastOpsError

INGEST = "ingest"
"""The kind of job that makes a document searchable; its subject is the document."""


@dataclass
class Intake:
    """One attempt to take hand-ins in. Their bytes are kept before the commit; `undo` removes them if it fails, and
    leaves what it cannot remove to `OrphanBytes`."""

    uow: KnowledgeWork
    blobs: BlobStore
    clock: Clock
    actor: Actor
    worker: str | None = None
    _kept: list[Weighed] = field(default_factory=list)
    _new: dict[str, Document] = field(default_factory=dict)

    async def take(self, collection_id: UUID, items: Sequence[Weighed]) -> list[Submission]:
        """What becomes of each hand-in, in their order. Nothing is written before the unit of work commits."""
        submissions = [await self._take(collection_id, item) for item in items]
        in_memory = [(item.content.blob_key, item.hand_in.content) for item in self._kept]
        await self.blobs.put_many([(key, content) for key, content in in_memory if isinstance(content, bytes)])
        for key, content in in_memory:
            if not isinstance(content, bytes):
                await self.blobs.put(key, parts(content))
        return submissions

    async def undo(self) -> None:
        """Remove the bytes that were kept, as far as the store answers."""
        with suppress(FastOpsError):
            for item in self._kept:
                await self.blobs.delete(item.content.blob_key)

    async def _take(self, collection_id: UUID, item: Weighed) -> Submission:
        known = await self._known(collection_id, item)
        if known is not None and known.content.content_hash == item.content.content_hash:
            return Submission(document=DocumentView.of(known), job_id=None, existed=True)
        hand_in, at = item.hand_in, self.clock.now()
        self._kept.append(item)
        if known is not None:
            await self.uow.jobs.cancel_of(known.id)
            known.replace(title=hand_in.title, content=item.content, metadata=hand_in.metadata, at=at)
            return self._queued(known)
        document = Document.submit(
            collection_id=collection_id,
            title=hand_in.title,
            content=item.content,
            external_id=hand_in.external_id,
            metadata=hand_in.metadata,
            at=at,
        )
        self.uow.documents.add(document)
        self._new.setdefault(_by_content(document.content.content_hash), document)
        if document.external_id is not None:
            self._new[document.external_id] = document
        return self._queued(document)

    async def _known(self, collection_id: UUID, item: Weighed) -> Document | None:
        """The document that this one is, or is a new version of; those taken in this attempt count."""
        external_id, content_hash = item.hand_in.external_id, item.content.content_hash
        new = self._new.get(_by_content(content_hash) if external_id is None else external_id)
        if new is not None:
            return new
        if external_id is not None:
            return await self.uow.documents.by_external_id(collection_id, external_id)
        same = await self.uow.documents.by_content(collection_id, content_hash)
        return min(same, key=lambda document: document.external_id is not None, default=None)

    def _queued(self, document: Document) -> Submission:
        ticket = self.uow.jobs.queue(INGEST, document.id, self.actor.user_id, worker=self.worker)
        return Submission(document=DocumentView.of(document), job_id=ticket.id, ticket=ticket if self.worker else None)


def _by_content(content_hash: str) -> str:
    """A key that is no external_id: those hold no NUL."""
    return f"\x00{content_hash}"
