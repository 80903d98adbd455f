"""What identity shows: plain data, without secrets."""

from dataclasses import dataclass, replace
from uuid import UUID

from domain.identity.credentials import ApiKey
from domain.identity.federation import FederatedIdentity
from domain.identity.groups import Group
from domain.identity.passkeys import Passkey
from domain.identity.roles import CustomRole, Role
from domain.identity.sessions import Session
from domain.identity.users import User
from domain.shared.values import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class UserView:
    id: UUID
    name: str
    email: str
    email_verified: bool
    kind: str
    status: str
    roles: tuple[str, ...]
    created_at: Instant
    updated_at: Instant
    version: int

    @classmethod
    def of(cls, user: User) -> "UserView":
        return cls(
            id=user.id,
            name=user.name,
            email=user.email,
            email_verified=user.email_verified,
            kind=user.kind.value,
            status=user.status.value,
            roles=tuple(sorted(user.roles)),
            created_at=user.created_at,
            updated_at=user.updated_at,
            version=user.version,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    id: UUID
    user_id: UUID
    client_address: str | None
    user_agent: str | None
    created_at: Instant
    expires_at: Instant
    authenticated_at: Instant
    methods: tuple[str, ...]
    version: int

    @classmethod
    def of(cls, session: Session) -> "SessionView":
        return cls(
            id=session.id,
            user_id=session.user_id,
            client_address=session.client_address,
            user_agent=session.user_agent,
            created_at=session.created_at,
            expires_at=session.expires_at,
            authenticated_at=session.authentication.at,
            methods=tuple(session.authentication.methods),
            version=session.version,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityView:
    id: UUID
    provider: str
    issuer: str
    subject: str
    created_at: Instant
    version: int

    @classmethod
    def of(cls, identity: FederatedIdentity) -> "IdentityView":
        return cls(
            id=identity.id,
            provider=identity.provider,
            issuer=identity.issuer,
            subject=identity.subject,
            created_at=identity.created_at,
            version=identity.version,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyView:
    id: UUID
    owner_id: UUID
    name: str
    scopes: tuple[str, ...]
    expires_at: Instant | None
    allowed_cidrs: tuple[str, ...]
    last_used_at: Instant | None
    created_at: Instant
    updated_at: Instant
    version: int

    @classmethod
    def of(cls, key: ApiKey) -> "ApiKeyView":
        return cls(
            id=key.id,
            owner_id=key.owner_id,
            name=key.name,
            scopes=tuple(sorted(scope.value for scope in key.scopes)),
            expires_at=key.expires_at,
            allowed_cidrs=key.allowed_cidrs,
            last_used_at=key.last_used_at,
            created_at=key.created_at,
            updated_at=key.updated_at,
            version=key.version,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedApiKey:
    """A key with its secret text, which is shown this once."""

    key: ApiKeyView
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGrant:
    """An access token alone. `expires_in` counts seconds."""

    access_token: str
    expires_in: int
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair(AccessGrant):
    """Answer of the token endpoint, RFC 6749 §5.1."""

    refresh_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleView:
    """`id` is None and `version` 0 for built-in roles, which never change."""

    name: str
    description: str
    permissions: tuple[str, ...]
    every_collection: bool
    built_in: bool
    id: UUID | None = None
    version: int = 0

    @classmethod
    def of(cls, role: Role) -> "RoleView":
        return cls(
            name=role.name,
            description=role.description,
            permissions=tuple(sorted(permission.value for permission in role.permissions)),
            every_collection=role.every_collection,
            built_in=role.built_in,
        )

    @classmethod
    def of_custom(cls, custom: CustomRole) -> "RoleView":
        return replace(cls.of(custom.role), id=custom.id, version=custom.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    id: UUID
    name: str
    description: str
    member_count: int
    created_at: Instant
    updated_at: Instant
    version: int

    @classmethod
    def of(cls, group: Group) -> "GroupView":
        return cls(
            id=group.id,
            name=group.name,
            description=group.description,
            member_count=len(group.members),
            created_at=group.created_at,
            updated_at=group.updated_at,
            version=group.version,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpView:
    """`status` is off, pending or active. Secret and `otpauth://` address are there once: when it is begun."""

    status: str
    confirmed_at: Instant | None
    recovery_codes_left: int
    secret: str | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodesView:
    """Recovery codes, which are shown this once."""

    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyView:
    """`blocked` is a passkey whose key was copied; it is refused for good."""

    id: UUID
    label: str
    backed_up: bool
    blocked: bool
    last_used_at: Instant | None
    created_at: Instant

    @classmethod
    def of(cls, passkey: Passkey) -> "PasskeyView":
        return cls(
            id=passkey.id,
            label=passkey.label,
            backed_up=passkey.backed_up,
            blocked=passkey.cloned_at is not None,
            last_used_at=passkey.last_used_at,
            created_at=passkey.created_at,
        )
