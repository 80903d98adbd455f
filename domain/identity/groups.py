"""Groups: sets of users that collections can be granted to."""

import re
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from domain.shared.entity import Aggregate, DomainEvent
from domain.shared.errors import Invalid, Violation
from domain.shared.values import Instant, new_id

GROUP_NAME_MAX = 200
GROUP_DESCRIPTION_MAX = 4000
MEMBERS_MAX = 10_000
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCreated(DomainEvent):
    name: ClassVar[str] = "identity.group_created.v1"
    group_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChanged(DomainEvent):
    name: ClassVar[str] = "identity.group_changed.v1"
    group_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMemberAdded(DomainEvent):
    name: ClassVar[str] = "identity.group_member_added.v1"
    group_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMemberRemoved(DomainEvent):
    name: ClassVar[str] = "identity.group_member_removed.v1"
    group_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDeleted(DomainEvent):
    name: ClassVar[str] = "identity.group_deleted.v1"
    group_id: UUID


@dataclass(eq=False, slots=True, kw_only=True)
class Group(Aggregate):
    """A named set of users. What it may read is written in the grants of collections."""

    name: str
    description: str = ""
    members: frozenset[UUID] = field(default_factory=frozenset)

    @classmethod
    def create(cls, *, name: str, description: str, at: Instant) -> "Group":
        group = cls(id=new_id(), created_at=at, updated_at=at, name=_name(name), description=_description(description))
        group.record(GroupCreated(group_id=group.id, at=at))
        return group

    def change(self, *, name: str, description: str, at: Instant) -> None:
        self.name, self.description = _name(name), _description(description)
        self.record(GroupChanged(group_id=self.id, at=at))

    def add_member(self, user_id: UUID, at: Instant) -> None:
        """Take a user in; nothing happens for a member. Raises Invalid beyond 10,000 members."""
        if user_id in self.members:
            return
        if len(self.members) >= MEMBERS_MAX:
            detail = f"A group has at most {MEMBERS_MAX} members; make another one."
            raise Invalid("group_full", detail, violations=[Violation("user_id", "group_full", detail)])
        self.members |= {user_id}
        self.record(GroupMemberAdded(group_id=self.id, user_id=user_id, at=at))

    def remove_member(self, user_id: UUID, at: Instant) -> None:
        """Let a user go; nothing happens for somebody who is no member."""
        if user_id in self.members:
            self.members -= {user_id}
            self.record(GroupMemberRemoved(group_id=self.id, user_id=user_id, at=at))

    def delete(self, at: Instant) -> None:
        """Record the end; the unit of work removes the row."""
        self.record(GroupDeleted(group_id=self.id, at=at))


def _name(name: str) -> str:
    text = name.strip()
    if not text or len(text) > GROUP_NAME_MAX or _NO_TEXT.search(text):
        detail = f"Use 1 to {GROUP_NAME_MAX} characters of Unicode text."
        raise Invalid(violations=[Violation("/name", "length", detail)])
    return text


def _description(text: str) -> str:
    if len(text) > GROUP_DESCRIPTION_MAX or _NO_TEXT.search(text):
        detail = f"Use at most {GROUP_DESCRIPTION_MAX} characters of Unicode text."
        raise Invalid(violations=[Violation("/description", "length", detail)])
    return text
