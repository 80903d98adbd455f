"""Why somebody can, or cannot, see a document: the grants that lead there, and the permissions that are missing."""

from dataclasses import dataclass
from uuid import UUID

from application.knowledge.ports import KnowledgeWork
from application.knowledge.sight import seen_document
from application.shared.ports import ActorDirectory
from application.shared.unit_of_work import Operation, Work
from domain.knowledge.collections import Collection, Grant, Level
from domain.shared.actor import Actor, Permission
from domain.shared.errors import NotFound

NEEDED = (Permission.DOCUMENTS_READ, Permission.SEARCH, Permission.ANSWERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantPath:
    """One way to the document: `via` user, group or everyone (a grant of its collection), or role (sight of all)."""

    via: str
    subject_id: UUID | None
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessView:
    """`level` is the highest one of `paths`, None without any; `missing` names permissions that the user lacks."""

    document_id: UUID
    collection_id: UUID
    user_id: UUID
    readable: bool
    level: str | None
    paths: tuple[GrantPath, ...]
    missing: tuple[str, ...]


class AccessExplainer:
    """Answers from the same rules that decide."""

    def __init__(self, work: Work[KnowledgeWork], directory: ActorDirectory) -> None:
        self._work, self._directory = work, directory

    async def explain(self, actor: Actor, document_id: UUID, user_id: UUID | None = None) -> AccessView:
        """What a user, by default the actor's own, may do with a document, and why.

        Raises NotFound without sight of the document; asking about others needs the level manage, or users:read.
        """
        actor.require(Permission.DOCUMENTS_READ)
        asked = user_id or actor.require_user()
        level = Level.READ if asked == actor.user_id or actor.may(Permission.USERS_READ) else Level.MANAGE
        async with self._work(Operation("document.access", actor)) as uow:
            document = await seen_document(uow, actor, document_id, level)
            collection = await uow.collections.get(document.collection_id)
        standing = await self._directory.standing(asked)
        if standing is None:
            raise NotFound(detail="There is no such user.")
        return _explained(document.id, collection, asked, standing)


def _explained(document_id: UUID, collection: Collection, user_id: UUID, standing: Actor) -> AccessView:
    paths = [
        GrantPath(via=grant.subject_type.value, subject_id=grant.subject_id, level=grant.level.value)
        for grant in sorted(collection.grants, key=_order)
        if grant.covers(standing)
    ]
    if standing.every_collection:
        paths.insert(0, GrantPath(via="role", subject_id=None, level=Level.MANAGE.value))
    level = collection.level_of(standing)
    missing = tuple(permission.value for permission in NEEDED if not standing.may(permission))
    return AccessView(
        document_id=document_id,
        collection_id=collection.id,
        user_id=user_id,
        readable=level is not None and standing.may(Permission.DOCUMENTS_READ),
        level=level.value if level else None,
        paths=tuple(paths),
        missing=missing,
    )


def _order(grant: Grant) -> tuple[int, str, str]:
    """The strongest first, and the same order in every process."""
    return -grant.level.rank, grant.subject_type.value, str(grant.subject_id)
