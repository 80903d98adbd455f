"""Passkeys: public keys of authenticators that sign somebody in (WebAuthn), alone or as a second factor."""

import re
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from domain.shared.entity import Aggregate, DomainEvent
from domain.shared.errors import Invalid, Violation
from domain.shared.values import Instant, new_id

PASSKEYS_MAX = 25
PASSKEY_NAME_MAX = 100
CREDENTIAL_ID_MAX = 1023
"""Bytes, WebAuthn §4."""
PUBLIC_KEY_MAX = 2000
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyAdded(DomainEvent):
    name: ClassVar[str] = "identity.passkey_added.v1"
    passkey_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyUsed(DomainEvent):
    name: ClassVar[str] = "identity.passkey_used.v1"
    passkey_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyCloned(DomainEvent):
    """Its counter went back: somebody else holds a copy of the key."""

    name: ClassVar[str] = "identity.passkey_cloned.v1"
    passkey_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRemoved(DomainEvent):
    name: ClassVar[str] = "identity.passkey_removed.v1"
    passkey_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What an authenticator made: the id under which it finds its key again, and the public key, COSE (RFC 9052).

    `sign_count` is 0 where it counts nothing, as those do whose keys are synchronised.
    """

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...] = ()
    backed_up: bool = False


@dataclass(eq=False, slots=True, kw_only=True)
class Passkey(Aggregate):
    """One key of a user. A cloned one is refused for good; nobody can tell the copy from the original."""

    user_id: UUID
    label: str
    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    backed_up: bool
    last_used_at: Instant | None = None
    cloned_at: Instant | None = None

    @classmethod
    def add(cls, *, user_id: UUID, label: str, credential: Credential, at: Instant) -> "Passkey":
        """Raises Invalid for a label that is no line of text."""
        passkey = cls(
            id=new_id(),
            created_at=at,
            updated_at=at,
            user_id=user_id,
            label=_label(label),
            credential_id=credential.credential_id,
            public_key=credential.public_key,
            sign_count=credential.sign_count,
            transports=credential.transports,
            backed_up=credential.backed_up,
        )
        passkey.record(PasskeyAdded(passkey_id=passkey.id, user_id=user_id, at=at))
        return passkey

    def use(self, sign_count: int, *, backed_up: bool, at: Instant) -> bool:
        """Count a use. False where it is refused: the counter has not grown (WebAuthn §6.1.1), now or once before."""
        if self.cloned_at is not None:
            return False
        if (sign_count or self.sign_count) and sign_count <= self.sign_count:
            self.cloned_at = at
            self.record(PasskeyCloned(passkey_id=self.id, user_id=self.user_id, at=at))
            return False
        self.sign_count, self.backed_up, self.last_used_at = sign_count, backed_up, at
        self.record(PasskeyUsed(passkey_id=self.id, at=at))
        return True

    def remove(self, at: Instant) -> None:
        """Record the end; the unit of work removes the row."""
        self.record(PasskeyRemoved(passkey_id=self.id, user_id=self.user_id, at=at))


def _label(text: str) -> str:
    label = text.strip()
    if not label or len(label) > PASSKEY_NAME_MAX or _NO_TEXT.search(label):
        detail = f"Use 1 to {PASSKEY_NAME_MAX} characters in one line."
        raise Invalid(violations=[Violation("/name", "length", detail)])
    return label
