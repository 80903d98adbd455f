"""What somebody proves to be somebody with: passwords and API keys. Only hashes are held here."""

import hmac
import ipaddress
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from domain.identity.users import normal_name
from domain.shared.actor import Permission
from domain.shared.entity import Aggregate, DomainEvent
from domain.shared.errors import Invalid, Violation, WrongState
from domain.shared.values import Instant

NETWORKS_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChanged(DomainEvent):
    name: ClassVar[str] = "identity.password_changed.v1"
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyCreated(DomainEvent):
    name: ClassVar[str] = "identity.api_key_created.v1"
    api_key_id: UUID
    owner_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyChanged(DomainEvent):
    name: ClassVar[str] = "identity.api_key_changed.v1"
    api_key_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRotated(DomainEvent):
    name: ClassVar[str] = "identity.api_key_rotated.v1"
    api_key_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRevoked(DomainEvent):
    name: ClassVar[str] = "identity.api_key_revoked.v1"
    api_key_id: UUID


@dataclass(eq=False, slots=True, kw_only=True)
class PasswordCredential(Aggregate):
    """The password of one user; `id` is the user's id. `is_short`: it is long enough only beside a second factor."""

    password_hash: str
    is_short: bool = False

    @classmethod
    def set(cls, user_id: UUID, password_hash: str, at: Instant, *, is_short: bool = False) -> "PasswordCredential":
        credential = cls(id=user_id, created_at=at, updated_at=at, password_hash=password_hash, is_short=is_short)
        credential.record(PasswordChanged(user_id=user_id, at=at))
        return credential

    def change(self, password_hash: str, at: Instant, *, is_short: bool = False) -> None:
        self.password_hash, self.is_short = password_hash, is_short
        self.record(PasswordChanged(user_id=self.id, at=at))


@dataclass(eq=False, slots=True, kw_only=True)
class ApiKey(Aggregate):
    """A secret that acts for its owner within `scopes`; an empty set grants nothing.

    `last_used_at` is machinery: it never moves the version. After a rotation the previous secret is taken until
    `previous_until`.
    """

    owner_id: UUID
    name: str
    scopes: frozenset[Permission]
    secret_hash: bytes
    expires_at: Instant | None = None
    allowed_cidrs: tuple[str, ...] = ()
    previous_hash: bytes | None = None
    previous_until: Instant | None = None
    last_used_at: Instant | None = field(default=None)

    @classmethod
    def issue(
        cls,
        *,
        key_id: UUID,
        owner_id: UUID,
        name: str,
        scopes: frozenset[Permission],
        secret_hash: bytes,
        expires_at: Instant | None,
        allowed_cidrs: tuple[str, ...],
        at: Instant,
    ) -> "ApiKey":
        key = cls(
            id=key_id,
            created_at=at,
            updated_at=at,
            owner_id=owner_id,
            name=normal_name(name),
            scopes=scopes,
            secret_hash=secret_hash,
            expires_at=_future(expires_at, at),
            allowed_cidrs=_networks(allowed_cidrs),
        )
        key.record(ApiKeyCreated(api_key_id=key.id, owner_id=owner_id, at=at))
        return key

    def change(
        self,
        *,
        name: str,
        scopes: frozenset[Permission],
        expires_at: Instant | None,
        allowed_cidrs: tuple[str, ...],
        at: Instant,
    ) -> None:
        self.name = normal_name(name)
        self.scopes = scopes
        if expires_at != self.expires_at:
            self.expires_at = _future(expires_at, at)
        self.allowed_cidrs = _networks(allowed_cidrs)
        self.record(ApiKeyChanged(api_key_id=self.id, at=at))

    def rotate(self, secret_hash: bytes, *, previous_until: Instant, at: Instant) -> None:
        """Take a new secret; the old one works until `previous_until`. Raises WrongState on an expired key."""
        if self.is_expired(at):
            raise WrongState("api_key_expired", "This key has expired: make a new one.")
        self.previous_hash, self.previous_until = self.secret_hash, previous_until
        self.secret_hash = secret_hash
        self.record(ApiKeyRotated(api_key_id=self.id, at=at))

    def revoke(self, at: Instant) -> None:
        """Record the end; the unit of work removes the row."""
        self.record(ApiKeyRevoked(api_key_id=self.id, at=at))

    def is_expired(self, at: Instant) -> bool:
        return self.expires_at is not None and self.expires_at <= at

    def takes(self, secret_hash: bytes, at: Instant) -> bool:
        """Whether a secret of this hash is the present one, or the previous one within its overlap."""
        if hmac.compare_digest(secret_hash, self.secret_hash):
            return True
        if self.previous_hash is None or self.previous_until is None or at >= self.previous_until:
            return False
        return hmac.compare_digest(secret_hash, self.previous_hash)

    def admits(self, client_address: str | None) -> bool:
        """Whether the key may be used from this address; every address where no network is named."""
        if not self.allowed_cidrs:
            return True
        try:
            address = ipaddress.ip_address(client_address or "")
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in ipaddress.ip_network(network) for network in self.allowed_cidrs)


def _future(moment: Instant | None, at: Instant) -> Instant | None:
    if moment is not None and moment <= at:
        raise Invalid(violations=[Violation("/expires_at", "in_the_past", "Name a time in the future.")])
    return moment


def _networks(cidrs: tuple[str, ...]) -> tuple[str, ...]:
    if len(cidrs) > NETWORKS_MAX:
        detail = f"Name at most {NETWORKS_MAX} networks."
        raise Invalid(violations=[Violation("/allowed_cidrs", "too_many", detail)])
    try:
        return tuple(str(ipaddress.ip_network(text, strict=False)) for text in cidrs)
    except ValueError as error:
        detail = "Write networks in CIDR form, such as 10.0.0.0/8."
        raise Invalid(violations=[Violation("/allowed_cidrs", "cidr_invalid", detail)]) from error
