"""Who may see and change what: every verb of knowledge on one collection or document begins here."""

from typing import Protocol
from uuid import UUID

from application.knowledge.ports import Collections, Documents
from domain.knowledge.collections import Collection, Level
from domain.knowledge.documents import Document
from domain.shared.actor import Actor
from domain.shared.errors import Forbidden, NotFound, StaleVersion


class Library(Protocol):
    """The part of the work that sight is judged on."""

    @property
    def collections(self) -> Collections: ...
    @property
    def documents(self) -> Documents: ...


async def seen_collection(
    uow: Library, actor: Actor, collection_id: UUID, level: Level = Level.READ, expected: int | None = None
) -> Collection:
    """The collection, once its level is checked: NotFound without sight of it, then Forbidden, then StaleVersion.

    The version comes last, or a stranger's If-Match would tell that the collection is there.
    """
    collection = await uow.collections.get(collection_id)
    held = collection.level_of(actor)
    if held is None:
        raise NotFound()
    if held.rank < level.rank:
        raise Forbidden("level_missing", f"This needs the level {level.value} on the collection.")
    if expected is not None and collection.version != expected:
        raise StaleVersion()
    return collection


async def seen_document(
    uow: Library, actor: Actor, document_id: UUID, level: Level = Level.READ, expected: int | None = None
) -> Document:
    """The document, by the grants of its collection; refusals in the same order."""
    document = await uow.documents.get(document_id)
    await seen_collection(uow, actor, document.collection_id, level)
    if expected is not None and document.version != expected:
        raise StaleVersion()
    return document
