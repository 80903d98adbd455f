"""Roles: named sets of permissions. The built-in ones cannot be changed, custom ones are aggregates."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from domain.shared.actor import Permission
from domain.shared.entity import Aggregate, DomainEvent
from domain.shared.errors import Invalid, Violation
from domain.shared.values import Instant, new_id

P = Permission
ROLE_NAME_MAX = 64
ROLE_DESCRIPTION_MAX = 500
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Role:
    """A set of permissions. `every_collection` is sight of all collections without a grant."""

    name: str
    description: str
    permissions: frozenset[Permission]
    every_collection: bool = False
    built_in: bool = True


ADMIN = Role("admin", "Everything, every collection included.", frozenset(Permission), every_collection=True)
EDITOR = Role(
    "editor",
    "Own collections and their documents, search, answers, own API keys.",
    frozenset(
        {
            P.COLLECTIONS_READ,
            P.COLLECTIONS_WRITE,
            P.DOCUMENTS_READ,
            P.DOCUMENTS_WRITE,
            P.SEARCH,
            P.ANSWERS,
            P.JOBS,
            P.API_KEYS,
            P.EVALUATIONS_READ,
            P.EVALUATIONS_WRITE,
        }
    ),
)
VIEWER = Role(
    "viewer",
    "Search and answers over what is granted, own API keys.",
    frozenset({P.COLLECTIONS_READ, P.DOCUMENTS_READ, P.SEARCH, P.ANSWERS, P.JOBS, P.API_KEYS}),
)
BUILT_IN = {role.name: role for role in (ADMIN, EDITOR, VIEWER)}


@dataclass(frozen=True, slots=True)
class Rights:
    """What roles add up to."""

    permissions: frozenset[Permission] = frozenset()
    every_collection: bool = False

    def within(self, permissions: frozenset[Permission], every_collection: bool) -> bool:
        """Whether somebody with these permissions and this sight has all of them."""
        return self.permissions <= permissions and (every_collection or not self.every_collection)


def rights_of(roles: Iterable[Role]) -> Rights:
    """The rights of somebody with these roles."""
    held = tuple(roles)
    permissions = frozenset[Permission]().union(*(role.permissions for role in held))
    return Rights(permissions, any(role.every_collection for role in held))


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleCreated(DomainEvent):
    name: ClassVar[str] = "identity.role_created.v1"
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChanged(DomainEvent):
    name: ClassVar[str] = "identity.role_changed.v1"
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleDeleted(DomainEvent):
    name: ClassVar[str] = "identity.role_deleted.v1"
    role: str


@dataclass(eq=False, slots=True, kw_only=True)
class CustomRole(Aggregate):
    """A role of this installation. Its name stays, because users refer to it; what it allows may change."""

    name: str
    description: str
    permissions: frozenset[Permission]

    @classmethod
    def create(cls, *, name: str, description: str, permissions: frozenset[Permission], at: Instant) -> "CustomRole":
        """Raises Invalid for a name that is none: small letters, digits, hyphens and underscores, 64 at most."""
        if not _NAME.fullmatch(name):
            detail = "Begin with a small letter; small letters, digits, - and _ follow, 64 characters at most."
            raise Invalid(violations=[Violation("/name", "form", detail)])
        role = cls(
            id=new_id(),
            created_at=at,
            updated_at=at,
            name=name,
            description=_description(description),
            permissions=permissions,
        )
        role.record(RoleCreated(role=name, at=at))
        return role

    @property
    def role(self) -> Role:
        return Role(self.name, self.description, self.permissions, built_in=False)

    def change(self, *, description: str, permissions: frozenset[Permission], at: Instant) -> None:
        self.description, self.permissions = _description(description), permissions
        self.record(RoleChanged(role=self.name, at=at))

    def delete(self, at: Instant) -> None:
        """Record the end; the unit of work removes the row."""
        self.record(RoleDeleted(role=self.name, at=at))


def _description(text: str) -> str:
    if len(text) > ROLE_DESCRIPTION_MAX or _NO_TEXT.search(text):
        detail = f"Use at most {ROLE_DESCRIPTION_MAX} characters of Unicode text."
        raise Invalid(violations=[Violation("/description", "length", detail)])
    return text
