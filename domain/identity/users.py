"""Users: people and service accounts that can be given rights."""

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.shared.entity import Aggregate, DomainEvent
from domain.shared.errors import Invalid, Violation, WrongState
from domain.shared.values import Instant, new_id

NAME_MAX = 200
EMAIL_MAX = 254
_EMAIL = re.compile(
    r"[^\s@\x00-\x1f\x7f-\x9f\ufeff\ud800-\udfff\"(),:;<>\[\\\]]{1,64}@"
    r"[^\s@\x00-\x1f\x7f-\x9f\ufeff\ud800-\udfff\"(),:;<>\[\\\]]+\."
    r"[^\s@.\x00-\x1f\x7f-\x9f\ufeff\ud800-\udfff\"(),:;<>\[\\\]]{2,63}"
)
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")


class UserStatus(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


class UserKind(StrEnum):
    PERSON = "person"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCreated(DomainEvent):
    name: ClassVar[str] = "identity.user_created.v1"
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChanged(DomainEvent):
    name: ClassVar[str] = "identity.user_changed.v1"
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDisabled(DomainEvent):
    name: ClassVar[str] = "identity.user_disabled.v1"
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEnabled(DomainEvent):
    name: ClassVar[str] = "identity.user_enabled.v1"
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeleted(DomainEvent):
    name: ClassVar[str] = "identity.user_deleted.v1"
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailVerified(DomainEvent):
    name: ClassVar[str] = "identity.email_verified.v1"
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRolesChanged(DomainEvent):
    name: ClassVar[str] = "identity.user_roles_changed.v1"
    user_id: UUID
    roles: frozenset[str]


def folded_email(address: str) -> str:
    """NFKC, trimmed, lower case: the form in which addresses are stored, whether this is one or not."""
    return unicodedata.normalize("NFKC", address).strip().lower()


def normal_email(address: str) -> str:
    """The one stored form of an address. Raises Invalid where it is no address."""
    text = folded_email(address)
    if len(text) > EMAIL_MAX or not _EMAIL.fullmatch(text):
        raise Invalid(violations=[Violation("/email", "email_invalid", "This is no valid e-mail address.")])
    return text


def normal_name(name: str) -> str:
    """A name, trimmed. Raises Invalid where it is empty, over 200 characters, or cannot be stored as text."""
    text = name.strip()
    if not text or len(text) > NAME_MAX:
        raise Invalid(violations=[Violation("/name", "length", f"Use 1 to {NAME_MAX} characters.")])
    if _NO_TEXT.search(text):
        raise Invalid(violations=[Violation("/name", "not_text", "Use characters of Unicode text only.")])
    return text


@dataclass(eq=False, slots=True, kw_only=True)
class User(Aggregate):
    """A person or service that can sign in. Rights come from roles, never from fields here."""

    name: str
    email: str
    kind: UserKind = UserKind.PERSON
    status: UserStatus = UserStatus.ACTIVE
    email_verified: bool = False
    roles: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def register(
        cls,
        *,
        name: str,
        email: str,
        at: Instant,
        roles: frozenset[str] = frozenset(),
        kind: UserKind = UserKind.PERSON,
    ) -> "User":
        user = cls(
            id=new_id(),
            created_at=at,
            updated_at=at,
            name=normal_name(name),
            email=normal_email(email),
            kind=kind,
            roles=roles,
        )
        user.record(UserCreated(user_id=user.id, at=at))
        return user

    @property
    def is_active(self) -> bool:
        return self.status is UserStatus.ACTIVE

    def rename(self, name: str, at: Instant) -> None:
        self.name = normal_name(name)
        self.record(UserChanged(user_id=self.id, at=at))

    def change_email(self, email: str, at: Instant) -> None:
        """Take a new address, which is unverified until shown otherwise."""
        address = normal_email(email)
        if address != self.email:
            self.email, self.email_verified = address, False
        self.record(UserChanged(user_id=self.id, at=at))

    def verify_email(self, at: Instant) -> None:
        """Note that the address was shown to be theirs; nothing happens where that is known."""
        if not self.email_verified:
            self.email_verified = True
            self.record(EmailVerified(user_id=self.id, at=at))

    def disable(self, at: Instant) -> None:
        """Shut the account out; sessions and keys stop within a second. Raises WrongState if already disabled."""
        if self.status is UserStatus.DISABLED:
            raise WrongState("user_already_disabled", "This account is disabled already.")
        self.status = UserStatus.DISABLED
        self.record(UserDisabled(user_id=self.id, at=at))

    def enable(self, at: Instant) -> None:
        """Let the account in again. Raises WrongState if it is active."""
        if self.status is UserStatus.ACTIVE:
            raise WrongState("user_already_active", "This account is active already.")
        self.status = UserStatus.ACTIVE
        self.record(UserEnabled(user_id=self.id, at=at))

    def set_roles(self, roles: frozenset[str], at: Instant) -> None:
        """Have exactly these roles; nothing happens where they are the same."""
        if roles != self.roles:
            self.roles = roles
            self.record(UserRolesChanged(user_id=self.id, roles=roles, at=at))

    def delete(self, at: Instant) -> None:
        """Record the end; the unit of work removes the row."""
        self.record(UserDeleted(user_id=self.id, at=at))
