"""People whom an OpenID provider has proven: what it said of them, whom it lets in, and which account is theirs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from domain.identity.sessions import Authentication
from domain.identity.users import NAME_MAX, User, UserKind, normal_email, normal_name
from domain.shared.entity import Aggregate, DomainEvent
from domain.shared.errors import Invalid
from domain.shared.values import Instant, new_id

SUBJECT_MAX = 255
"""Longest `sub` and issuer (OpenID Connect Core §2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityLinked(DomainEvent):
    name: ClassVar[str] = "identity.identity_linked.v1"
    identity_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityUnlinked(DomainEvent):
    name: ClassVar[str] = "identity.identity_unlinked.v1"
    identity_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenIdentity:
    """What an ID token said of somebody, after it was checked.

    `values` are those of the claim that roles are mapped from. `email` counts for nothing unless it is verified.
    """

    issuer: str
    subject: str
    authentication: Authentication
    email: str | None = None
    email_verified: bool = False
    name: str | None = None
    values: frozenset[str] = field(default_factory=frozenset)

    @property
    def verified_email(self) -> str | None:
        """The address in normal form, where the provider has verified it and it is one."""
        if not self.email_verified or self.email is None:
            return None
        try:
            return normal_email(self.email)
        except Invalid:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPolicy:
    """Whom a provider lets in, and with which roles.

    `email_domains` are those whose people are let in, all where there are none; `linked_domains` those for which the
    provider is believed that an account with the same verified address belongs to whoever it has proven. `role_map`
    leads from values of a claim to roles; these roles come and go with each sign-in, all others stay as they are.
    """

    admits_new: bool = False
    email_domains: frozenset[str] = frozenset()
    linked_domains: frozenset[str] = frozenset()
    new_roles: frozenset[str] = frozenset()
    role_map: Mapping[str, str] = field(default_factory=dict)

    def admits(self, proven: ProvenIdentity) -> bool:
        """Whether people with this address may come in at all."""
        return not self.email_domains or _domain(proven.verified_email) in self.email_domains

    def owns(self, user: User, proven: ProvenIdentity) -> bool:
        """Whether an account with the same address is theirs. Both sides must have shown that the address is."""
        same = proven.verified_email is not None and proven.verified_email == user.email
        trusted = _domain(proven.verified_email) in self.linked_domains
        return same and trusted and user.email_verified and user.kind is UserKind.PERSON

    def roles_after(self, held: frozenset[str], proven: ProvenIdentity) -> frozenset[str]:
        """The roles of somebody who held these."""
        given = {role for value, role in self.role_map.items() if value in proven.values}
        return (held - frozenset(self.role_map.values())) | given


@dataclass(eq=False, slots=True, kw_only=True)
class FederatedIdentity(Aggregate):
    """One account at one issuer that signs somebody in: `subject` there is `user_id` here."""

    user_id: UUID
    provider: str
    issuer: str
    subject: str

    @classmethod
    def link(cls, *, user_id: UUID, provider: str, issuer: str, subject: str, at: Instant) -> "FederatedIdentity":
        identity = cls(
            id=new_id(),
            created_at=at,
            updated_at=at,
            user_id=user_id,
            provider=provider,
            issuer=issuer,
            subject=subject,
        )
        identity.record(IdentityLinked(identity_id=identity.id, user_id=user_id, at=at))
        return identity

    def unlink(self, at: Instant) -> None:
        """Record the end; the unit of work removes the row."""
        self.record(IdentityUnlinked(identity_id=self.id, user_id=self.user_id, at=at))


def new_person(proven: ProvenIdentity, roles: frozenset[str], at: Instant) -> User | None:
    """An account for somebody who has none; None without a verified address."""
    email = proven.verified_email
    if email is None:
        return None
    user = User.register(name=_name(proven, email), email=email, roles=roles, at=at)
    user.verify_email(at)
    return user


def _name(proven: ProvenIdentity, email: str) -> str:
    try:
        return normal_name((proven.name or "")[:NAME_MAX])
    except Invalid:
        return email[:NAME_MAX]


def _domain(email: str | None) -> str:
    return (email or "").rpartition("@")[2]
