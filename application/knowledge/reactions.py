"""What follows from changes of knowledge, at least once and in order: removals that need not be waited for."""

from uuid import UUID

from application.knowledge.changes import DocumentChanges
from application.knowledge.documents import remove
from application.knowledge.ports import AnswerErasure, BlobStore, KnowledgeWork
from application.shared.journal import JournalEntry, JournalEvent, Reaction
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Work
from domain.knowledge.collections import CollectionDeleted
from domain.knowledge.documents import DocumentDeleted, DocumentReplaced
from domain.shared.actor import Origin, system_actor

DOCUMENTS_PER_COMMIT = 100
USER_DELETED = "identity.user_deleted.v1"


def knowledge_reactions(
    work: Work[KnowledgeWork], blobs: BlobStore, clock: Clock, changes: DocumentChanges, answers: AnswerErasure
) -> tuple[Reaction, ...]:
    """The table of knowledge's reactions. Each can be repeated: what is gone already is passed over."""

    async def delete_documents(entry: JournalEntry, event: JournalEvent) -> None:
        collection_id = UUID(event.payload["collection_id"])
        actor = system_actor("reactions", Origin(request_id=entry.request_id))
        while True:
            async with work(Operation("document.delete", actor)) as uow:
                documents = await uow.documents.some_of_collection(collection_id, DOCUMENTS_PER_COMMIT)
                for document in documents:
                    await remove(uow, document, clock)
                await uow.commit(None)
            if not documents:
                return
            await changes.forget([document.id for document in documents])

    async def delete_bytes(_entry: JournalEntry, event: JournalEvent) -> None:
        await blobs.delete(event.payload["blob_key"])

    async def erase_answers(_entry: JournalEntry, event: JournalEvent) -> None:
        await answers.erase_answers(UUID(event.payload["user_id"]))

    return (
        Reaction("knowledge.answers", frozenset({USER_DELETED}), erase_answers),
        Reaction("knowledge.documents", frozenset({CollectionDeleted.name}), delete_documents),
        Reaction("knowledge.bytes", frozenset({DocumentDeleted.name, DocumentReplaced.name}), delete_bytes),
    )
