"""Use cases on collections and their grants."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from application.knowledge.ports import KnowledgeReads, KnowledgeWork
from application.knowledge.sight import seen_collection
from application.knowledge.views import CollectionView, GrantsView, GrantView
from application.shared.ports import ActorDirectory, Clock
from application.shared.unit_of_work import Operation, Repeat, Work, repeatable
from domain.knowledge.collections import Collection, Grant, Level, SubjectType
from domain.knowledge.metadata import check_metadata
from domain.shared.actor import Actor, Permission
from domain.shared.errors import Conflict, Invalid, NotFound, Violation
from domain.shared.values import ListQuery, Page

GRANTS_MAX = 1000


class CollectionService:
    """Collections are seen through their grants: what an actor may not read is not found."""

    def __init__(
        self, work: Work[KnowledgeWork], reads: KnowledgeReads, directory: ActorDirectory, clock: Clock
    ) -> None:
        self._work, self._reads, self._directory, self._clock = work, reads, directory, clock

    @repeatable
    async def create(
        self,
        actor: Actor,
        *,
        name: str,
        description: str = "",
        metadata: Mapping[str, Any] | None = None,
        repeat: Repeat | None = None,
    ) -> CollectionView:
        """Make a collection. Whoever makes it becomes its manager."""
        actor.require(Permission.COLLECTIONS_WRITE)
        async with self._work(Operation("collection.create", actor, repeat)) as uow:
            collection = Collection.create(
                name=name,
                description=description,
                metadata=check_metadata(metadata or {}),
                manager_id=actor.user_id,
                at=self._clock.now(),
            )
            uow.collections.add(collection)
            return await uow.commit(CollectionView.of(collection))

    async def get(self, actor: Actor, collection_id: UUID) -> CollectionView:
        """One collection."""
        actor.require(Permission.COLLECTIONS_READ)
        async with self._work(Operation("collection.get", actor)) as uow:
            return CollectionView.of(await seen_collection(uow, actor, collection_id))

    async def page(self, actor: Actor, query: ListQuery) -> Page[CollectionView]:
        """The collections that the actor may read."""
        actor.require(Permission.COLLECTIONS_READ)
        return await self._reads.collections(actor, query)

    async def named(self, actor: Actor, name: str) -> CollectionView:
        """The one readable collection of this name. Raises Conflict `name_ambiguous` where there are several."""
        actor.require(Permission.COLLECTIONS_READ)
        found = await self._reads.collections_named(actor, name.strip())
        if not found:
            raise NotFound("collection_not_found", "No collection that you may read has this name.")
        if len(found) > 1:
            raise Conflict("name_ambiguous", "Several collections have this name; use the id of the one you mean.")
        return found[0]

    async def change(
        self,
        actor: Actor,
        collection_id: UUID,
        *,
        name: str,
        description: str,
        metadata: Mapping[str, Any],
        expected: int | None,
    ) -> CollectionView:
        """Change name, description and metadata; needs the level manage."""
        actor.require(Permission.COLLECTIONS_WRITE)
        async with self._work(Operation("collection.change", actor)) as uow:
            collection = await seen_collection(uow, actor, collection_id, Level.MANAGE, expected)
            checked = check_metadata(metadata)
            collection.change(name=name, description=description, metadata=checked, at=self._clock.now())
            return await uow.commit(CollectionView.of(collection))

    async def delete(self, actor: Actor, collection_id: UUID, *, expected: int | None) -> None:
        """Remove a collection; needs the level manage. Nobody finds its documents any more, reactions delete them."""
        actor.require(Permission.COLLECTIONS_WRITE)
        async with self._work(Operation("collection.delete", actor)) as uow:
            collection = await seen_collection(uow, actor, collection_id, Level.MANAGE, expected)
            collection.delete(self._clock.now())
            uow.collections.remove(collection)
            await uow.commit(None)

    async def grants(self, actor: Actor, collection_id: UUID) -> GrantsView:
        """Who may read, write and manage; readers may know."""
        actor.require(Permission.COLLECTIONS_READ)
        async with self._work(Operation("collection.grants", actor)) as uow:
            return GrantsView.of(await seen_collection(uow, actor, collection_id))

    async def set_grants(
        self, actor: Actor, collection_id: UUID, grants: Sequence[GrantView], *, expected: int | None
    ) -> GrantsView:
        """Replace all grants; needs the level manage, and one manager stays. In force everywhere within a second."""
        actor.require(Permission.COLLECTIONS_WRITE)
        async with self._work(Operation("collection.set_grants", actor)) as uow:
            collection = await seen_collection(uow, actor, collection_id, Level.MANAGE, expected)
            collection.set_grants(await self._checked(grants, collection.grants), self._clock.now())
            return await uow.commit(GrantsView.of(collection))

    async def _checked(self, grants: Sequence[GrantView], held: frozenset[Grant]) -> frozenset[Grant]:
        """Grants whose subjects are there. One that was given before may stay when its subject is gone since."""
        if len(grants) > GRANTS_MAX:
            raise Invalid(violations=[Violation("/grants", "too_many", f"Give at most {GRANTS_MAX} grants.")])
        known = {grant.subject_id for grant in held}
        read: list[Grant] = []
        violations: list[Violation] = []
        for place, view in enumerate(grants):
            grant = _grant(view, f"/grants/{place}", violations)
            if grant is None:
                continue
            if grant.subject_id not in known and not await self._exists(grant):
                code = "unknown_group" if grant.subject_type is SubjectType.GROUP else "unknown_user"
                detail = f"There is no such {grant.subject_type.value}."
                violations.append(Violation(f"/grants/{place}/subject/id", code, detail))
            read.append(grant)
        if violations:
            raise Invalid(violations=violations)
        if len(set(read)) != len(read):
            detail = "Name each subject once, with its highest level."
            raise Invalid(violations=[Violation("/grants", "subject_repeated", detail)])
        return frozenset(read)

    async def _exists(self, grant: Grant) -> bool:
        if grant.subject_id is None:
            return True
        if grant.subject_type is SubjectType.GROUP:
            return await self._directory.group_exists(grant.subject_id)
        return await self._directory.user_exists(grant.subject_id)


def _grant(view: GrantView, pointer: str, violations: list[Violation]) -> Grant | None:
    """The grant that a view states; None with its violations where it states none."""
    before = len(violations)
    if view.subject_type not in tuple(SubjectType):
        violations.append(Violation(f"{pointer}/subject/type", "unknown_subject_type", "Use user, group or everyone."))
    elif (view.subject_type == SubjectType.EVERYONE) is not (view.subject_id is None):
        violations.append(
            Violation(f"{pointer}/subject/id", "subject_id", "Users and groups have an id, everyone has none.")
        )
    if view.level not in tuple(Level):
        violations.append(Violation(f"{pointer}/level", "unknown_level", "Use read, write or manage."))
    if len(violations) > before:
        return None
    return Grant(SubjectType(view.subject_type), view.subject_id, Level(view.level))
