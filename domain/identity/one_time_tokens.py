"""One-time tokens: what a mail carries to show that an address belongs to somebody. Only hashes are held here."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.identity.errors import LinkInvalid
from domain.shared.entity import Aggregate, DomainEvent
from domain.shared.values import Instant, new_id

LIFETIME = timedelta(minutes=30)
INVITATION_LIFETIME = timedelta(days=7)


class TokenPurpose(StrEnum):
    """What a token may do, and nothing else."""

    REGISTER = "register"
    VERIFY_EMAIL = "verify_email"
    CHANGE_EMAIL = "change_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 (a purpose)
    INVITATION = "invitation"

    @property
    def lifetime(self) -> timedelta:
        """Thirty minutes; an invitation comes unasked, so it waits for a week."""
        return INVITATION_LIFETIME if self is TokenPurpose.INVITATION else LIFETIME


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeTokenIssued(DomainEvent):
    name: ClassVar[str] = "identity.one_time_token_issued.v1"
    token_id: UUID
    user_id: UUID | None
    purpose: TokenPurpose


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeTokenSpent(DomainEvent):
    name: ClassVar[str] = "identity.one_time_token_spent.v1"
    token_id: UUID
    user_id: UUID | None
    purpose: TokenPurpose


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeTokenExpired(DomainEvent):
    name: ClassVar[str] = "identity.one_time_token_expired.v1"
    token_id: UUID
    user_id: UUID | None
    purpose: TokenPurpose


@dataclass(eq=False, slots=True, kw_only=True)
class OneTimeToken(Aggregate):
    """The present token of one subject and purpose: there is one row of both, so a new token replaces the one before.

    `subject` is the user's id, or the digest of an address that has no account. `content` is sealed: the address that
    the token was sent to, and what is to be done once it is proven. To spend it is to remove the row.
    """

    subject: str
    purpose: TokenPurpose
    user_id: UUID | None
    secret_hash: bytes
    content: bytes
    expires_at: Instant

    @classmethod
    def issue(
        cls,
        *,
        subject: str,
        purpose: TokenPurpose,
        user_id: UUID | None,
        secret_hash: bytes,
        content: bytes,
        at: Instant,
    ) -> "OneTimeToken":
        token = cls(
            id=new_id(),
            created_at=at,
            updated_at=at,
            subject=subject,
            purpose=purpose,
            user_id=user_id,
            secret_hash=secret_hash,
            content=content,
            expires_at=at + purpose.lifetime,
        )
        token._record_issue(at)
        return token

    def reissue(self, secret_hash: bytes, content: bytes, at: Instant) -> None:
        """Be the next token of the same subject and purpose; the one before is good for nothing any more."""
        self.secret_hash, self.content = secret_hash, content
        self.expires_at = at + self.purpose.lifetime
        self._record_issue(at)

    def spend(self, at: Instant) -> None:
        """Record the use; the unit of work removes the row, so of several uses at once one wins.

        Raises LinkInvalid where it has expired.
        """
        if at >= self.expires_at:
            raise LinkInvalid()
        self.record(OneTimeTokenSpent(token_id=self.id, user_id=self.user_id, purpose=self.purpose, at=at))

    def expire(self, at: Instant) -> None:
        """Record that nobody used it; the unit of work removes the row."""
        self.record(OneTimeTokenExpired(token_id=self.id, user_id=self.user_id, purpose=self.purpose, at=at))

    def _record_issue(self, at: Instant) -> None:
        self.record(OneTimeTokenIssued(token_id=self.id, user_id=self.user_id, purpose=self.purpose, at=at))
