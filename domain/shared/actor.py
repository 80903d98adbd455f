"""Who acts, and what that one may do. Rights are data here; how they came about is identity's business."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from domain.shared.errors import Forbidden, ReauthenticationRequired, Unauthenticated


class Permission(StrEnum):
    """All permissions of the product; also the scopes of API keys."""

    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    ROLES_READ = "roles:read"
    ROLES_WRITE = "roles:write"
    GROUPS_READ = "groups:read"
    GROUPS_WRITE = "groups:write"
    COLLECTIONS_READ = "collections:read"
    COLLECTIONS_WRITE = "collections:write"
    DOCUMENTS_READ = "documents:read"
    DOCUMENTS_WRITE = "documents:write"
    EVALUATIONS_READ = "evaluations:read"
    EVALUATIONS_WRITE = "evaluations:write"
    SEARCH = "search"
    ANSWERS = "answers"
    JOBS = "jobs"
    API_KEYS = "api-keys"
    TOKENS_INTROSPECT = "tokens:introspect"
    AUDIT_READ = "audit:read"
    OPERATIONS_READ = "operations:read"


class ActorType(StrEnum):
    USER = "user"
    API_KEY = "api_key"
    SYSTEM = "system"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from: its correlation id and the client's address, both for the audit trail."""

    request_id: str = "-"
    client_address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The one that acts. `user_id` is the person or service whose rights count: the owner, for an API key.

    `every_collection` is the administrator's sight of all collections; others see what is granted to them,
    to one of `group_ids`, or to everyone. `outlived` is set where a person signed in too long ago for what is
    dangerous: the seconds within which that must have been. Keys and the system are never asked.
    """

    type: ActorType
    id: str | None = None
    name: str | None = None
    user_id: UUID | None = None
    session_id: UUID | None = None
    permissions: frozenset[Permission] = frozenset()
    group_ids: frozenset[UUID] = frozenset()
    every_collection: bool = False
    outlived: int | None = None
    origin: Origin = field(default_factory=Origin)

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raise Unauthenticated for nobody, Forbidden for somebody without `permission`."""
        if permission in self.permissions:
            return
        if self.type is ActorType.ANONYMOUS:
            raise Unauthenticated()
        raise Forbidden(detail=f"This needs the permission {permission.value}.")

    def require_user(self) -> UUID:
        """The user whose rights count; raises Unauthenticated where there is none (anonymous callers, the system)."""
        if self.user_id is None:
            raise Unauthenticated()
        return self.user_id

    def require_recent(self) -> None:
        """Raise ReauthenticationRequired where a person signed in too long ago for what is dangerous."""
        if self.outlived is not None:
            raise ReauthenticationRequired(self.outlived)


def system_actor(name: str, origin: Origin | None = None) -> Actor:
    """The service itself or its command line, with every right, audited as `system:<name>`."""
    return Actor(
        type=ActorType.SYSTEM,
        id=f"system:{name}",
        name=name,
        permissions=frozenset(Permission),
        every_collection=True,
        origin=origin or Origin(),
    )


def anonymous(origin: Origin) -> Actor:
    """A caller that has shown no credentials."""
    return Actor(type=ActorType.ANONYMOUS, origin=origin)
