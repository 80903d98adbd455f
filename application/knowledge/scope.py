"""What a search may look at: the actor's readable collections, narrowed by those asked for and by a filter."""

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from application.knowledge.changes import DocumentChanges
from application.knowledge.ports import KnowledgeReads
from application.knowledge.retrieval import AllowedSet
from application.knowledge.sight import Library, seen_collection
from application.shared.ports import Executor
from domain.knowledge.filters import Filter
from domain.shared.actor import Actor
from domain.shared.errors import Invalid, NotFound, Violation

COLLECTIONS_MAX = 100
REMEMBERED = 64
REMEMBERED_DOCUMENTS = 500_000
Key = tuple[frozenset[UUID] | None, str]


class SearchScope:
    """Turns rights and filters into allowed sets. Rights are asked anew each time; only filter results are kept.

    What a filter selected holds as long as no document changed: at once for changes made in this process, and
    for others as soon as the index of this process has followed them.
    """

    def __init__(self, reads: KnowledgeReads, executor: Executor, changes: DocumentChanges) -> None:
        self._reads, self._executor, self._changes = reads, executor, changes
        self._kept: OrderedDict[Key, frozenset[UUID]] = OrderedDict()
        self._kept_at = changes.count

    async def allowed(
        self, uow: Library, actor: Actor, collection_ids: Sequence[UUID] | None, condition: Filter | None
    ) -> AllowedSet:
        """The readable part of what was asked for. Raises NotFound for a collection that the actor may not know."""
        collections = await self._reads.readable(actor)
        if collection_ids is not None:
            collections = await self._narrowed(uow, actor, collections, collection_ids)
        if condition is None:
            return AllowedSet(collections)
        return AllowedSet(collections, await self._selected(collections, condition))

    async def _narrowed(
        self, uow: Library, actor: Actor, readable: frozenset[UUID] | None, collection_ids: Sequence[UUID]
    ) -> frozenset[UUID]:
        wanted = frozenset(collection_ids)
        if not 1 <= len(wanted) <= COLLECTIONS_MAX:
            detail = f"Name 1 to {COLLECTIONS_MAX} collections, or leave this out for all that you may read."
            raise Invalid(violations=[Violation("/collection_ids", "length", detail)])
        if not wanted <= (readable if readable is not None else await _seen(uow, actor, wanted)):
            raise NotFound("collection_not_found", "One of these collections is not there, or you may not read it.")
        return wanted

    async def _selected(self, collections: frozenset[UUID] | None, condition: Filter) -> frozenset[UUID]:
        count, key = self._changes.count, (collections, condition.key)
        if count != self._kept_at:
            self._kept.clear()
            self._kept_at = count
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            return known
        fields = await self._reads.document_fields(collections)
        selected = await self._executor(lambda: frozenset(view.id for view in fields if condition.matches(view)))
        if count == self._changes.count == self._kept_at:
            self._keep(key, selected)
        return selected

    def _keep(self, key: Key, selected: frozenset[UUID]) -> None:
        self._kept[key] = selected
        while len(self._kept) > REMEMBERED or sum(map(len, self._kept.values())) > REMEMBERED_DOCUMENTS:
            self._kept.popitem(last=False)


async def _seen(uow: Library, actor: Actor, wanted: frozenset[UUID]) -> frozenset[UUID]:
    """Those that are there, for an actor who may read every collection."""
    seen = set()
    for collection_id in wanted:
        with suppress(NotFound):
            seen.add((await seen_collection(uow, actor, collection_id)).id)
    return frozenset(seen)
