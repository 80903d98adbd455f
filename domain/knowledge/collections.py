"""Collections: documents under one set of grants, which say who may read, write and manage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from domain.knowledge.errors import LastManager
from domain.shared.actor import Actor
from domain.shared.entity import Aggregate, DomainEvent
from domain.shared.errors import Invalid, Violation
from domain.shared.values import Instant, new_id

NAME_MAX = 200
DESCRIPTION_MAX = 4000


class Level(StrEnum):
    """What a grant allows; each level includes those before it."""

    READ = "read"
    WRITE = "write"
    MANAGE = "manage"

    @property
    def rank(self) -> int:
        return tuple(Level).index(self)


class SubjectType(StrEnum):
    USER = "user"
    GROUP = "group"
    EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class Grant:
    """`subject_id` is None for everyone, who are all signed-in callers."""

    subject_type: SubjectType
    subject_id: UUID | None
    level: Level

    def covers(self, actor: Actor) -> bool:
        if self.subject_type is SubjectType.EVERYONE:
            return actor.user_id is not None
        if self.subject_type is SubjectType.USER:
            return actor.user_id is not None and actor.user_id == self.subject_id
        return self.subject_id in actor.group_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionCreated(DomainEvent):
    name: ClassVar[str] = "knowledge.collection_created.v1"
    collection_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionChanged(DomainEvent):
    name: ClassVar[str] = "knowledge.collection_changed.v1"
    collection_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionGrantsChanged(DomainEvent):
    name: ClassVar[str] = "knowledge.collection_grants_changed.v1"
    collection_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionDeleted(DomainEvent):
    name: ClassVar[str] = "knowledge.collection_deleted.v1"
    collection_id: UUID


@dataclass(eq=False, slots=True, kw_only=True)
class Collection(Aggregate):
    """A set of documents with one set of grants. Its creator becomes its manager."""

    name: str
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    grants: frozenset[Grant] = frozenset()

    @classmethod
    def create(
        cls, *, name: str, description: str, metadata: Mapping[str, Any], manager_id: UUID | None, at: Instant
    ) -> "Collection":
        """`manager_id` is None for the command line: administrators see every collection anyway."""
        grants = frozenset({Grant(SubjectType.USER, manager_id, Level.MANAGE)}) if manager_id else frozenset()
        collection = cls(id=new_id(), created_at=at, updated_at=at, name=_name(name), metadata=metadata, grants=grants)
        collection.description = _description(description)
        collection.record(CollectionCreated(collection_id=collection.id, at=at))
        return collection

    def change(self, *, name: str, description: str, metadata: Mapping[str, Any], at: Instant) -> None:
        self.name, self.description, self.metadata = _name(name), _description(description), metadata
        self.record(CollectionChanged(collection_id=self.id, at=at))

    def set_grants(self, grants: frozenset[Grant], at: Instant) -> None:
        """Replace all grants. Raises LastManager where nobody would be left to manage what somebody manages now."""
        if _managers(self.grants) and not _managers(grants):
            raise LastManager()
        subjects = [(grant.subject_type, grant.subject_id) for grant in grants]
        if len(set(subjects)) != len(subjects):
            detail = "Name each subject once, with its highest level."
            raise Invalid(violations=[Violation("/grants", "subject_repeated", detail)])
        self.grants = grants
        self.record(CollectionGrantsChanged(collection_id=self.id, at=at))

    def delete(self, at: Instant) -> None:
        """Record the end; the unit of work removes the row, a reaction the documents."""
        self.record(CollectionDeleted(collection_id=self.id, at=at))

    def level_of(self, actor: Actor) -> Level | None:
        """The highest level that the actor holds here, None for no sight of it."""
        if actor.every_collection:
            return Level.MANAGE
        levels = [grant.level for grant in self.grants if grant.covers(actor)]
        return max(levels, key=lambda level: level.rank, default=None)


def _managers(grants: frozenset[Grant]) -> bool:
    return any(grant.level is Level.MANAGE for grant in grants)


def _name(name: str) -> str:
    text = name.strip()
    if not text or len(text) > NAME_MAX:
        raise Invalid(violations=[Violation("/name", "length", f"Use 1 to {NAME_MAX} characters.")])
    return text


def _description(text: str) -> str:
    if len(text) > DESCRIPTION_MAX:
        raise Invalid(violations=[Violation("/description", "length", f"Use at most {DESCRIPTION_MAX} characters.")])
    return text
