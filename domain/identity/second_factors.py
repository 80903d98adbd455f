"""Second factors by codes: one-time passwords of an authenticator app (RFC 6238), and recovery codes in their place."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from domain.shared.entity import Aggregate, DomainEvent
from domain.shared.errors import WrongState
from domain.shared.values import Instant

RECOVERY_CODES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpBegun(DomainEvent):
    name: ClassVar[str] = "identity.totp_begun.v1"
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpConfirmed(DomainEvent):
    name: ClassVar[str] = "identity.totp_confirmed.v1"
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpRemoved(DomainEvent):
    name: ClassVar[str] = "identity.totp_removed.v1"
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodesMade(DomainEvent):
    name: ClassVar[str] = "identity.recovery_codes_made.v1"
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodeUsed(DomainEvent):
    name: ClassVar[str] = "identity.recovery_code_used.v1"
    user_id: UUID
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodesRemoved(DomainEvent):
    name: ClassVar[str] = "identity.recovery_codes_removed.v1"
    user_id: UUID


@dataclass(eq=False, slots=True, kw_only=True)
class TotpFactor(Aggregate):
    """The authenticator app of one user; `id` is the user's id. It counts once a code of it was shown.

    Which codes are spent is machinery of the store and no member here.
    """

    secret_sealed: bytes
    confirmed_at: Instant | None = None

    @classmethod
    def begin(cls, user_id: UUID, secret_sealed: bytes, at: Instant) -> "TotpFactor":
        factor = cls(id=user_id, created_at=at, updated_at=at, secret_sealed=secret_sealed)
        factor.record(TotpBegun(user_id=user_id, at=at))
        return factor

    @property
    def is_active(self) -> bool:
        return self.confirmed_at is not None

    def begin_again(self, secret_sealed: bytes, at: Instant) -> None:
        """Take another secret before the first was confirmed. Raises WrongState afterwards."""
        self._require_pending()
        self.secret_sealed = secret_sealed
        self.record(TotpBegun(user_id=self.id, at=at))

    def confirm(self, at: Instant) -> None:
        """Count from now on. Raises WrongState where it does already."""
        self._require_pending()
        self.confirmed_at = at
        self.record(TotpConfirmed(user_id=self.id, at=at))

    def remove(self, at: Instant) -> None:
        """Record the end; the unit of work removes the row."""
        self.record(TotpRemoved(user_id=self.id, at=at))

    def _require_pending(self) -> None:
        if self.is_active:
            raise WrongState("totp_active", "You have an authenticator app already: remove it before you add another.")


@dataclass(eq=False, slots=True, kw_only=True)
class RecoveryCodes(Aggregate):
    """Codes of one user for when the other factors are lost; `id` is the user's id. Each works once."""

    hashes: frozenset[str]

    @classmethod
    def make(cls, user_id: UUID, hashes: frozenset[str], at: Instant) -> "RecoveryCodes":
        codes = cls(id=user_id, created_at=at, updated_at=at, hashes=hashes)
        codes.record(RecoveryCodesMade(user_id=user_id, at=at))
        return codes

    def replace(self, hashes: frozenset[str], at: Instant) -> None:
        """Put new codes in place of all that were left."""
        self.hashes = hashes
        self.record(RecoveryCodesMade(user_id=self.id, at=at))

    def use(self, code_hash: str, at: Instant) -> bool:
        """Spend the code of this hash; False where it is none of these."""
        if code_hash not in self.hashes:
            return False
        self.hashes -= {code_hash}
        self.record(RecoveryCodeUsed(user_id=self.id, left=len(self.hashes), at=at))
        return True

    def remove(self, at: Instant) -> None:
        """Record the end; the unit of work removes the row."""
        self.record(RecoveryCodesRemoved(user_id=self.id, at=at))
