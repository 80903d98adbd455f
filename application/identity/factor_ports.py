"""Ports of second factors: their view of the work, and the makers and checkers of codes."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from application.identity.ports import IdentityWork
from domain.identity.second_factors import RecoveryCodes, TotpFactor
from domain.shared.values import Instant


class TotpFactors(Protocol):
    async def find(self, id: UUID) -> TotpFactor | None:
        """The authenticator app of a user, confirmed or not."""

    async def spend(self, user_id: UUID, step: int) -> bool:
        """Note that the code of this time step was used; False where it or a later one was used before.

        Machinery: one atomic statement at once, without `commit`; of several at the same time one wins.
        """

    def add(self, factor: TotpFactor) -> None: ...
    def remove(self, factor: TotpFactor) -> None: ...


class RecoveryCodeSets(Protocol):
    async def find(self, id: UUID) -> RecoveryCodes | None:
        """The recovery codes of a user."""

    def add(self, codes: RecoveryCodes) -> None: ...
    def remove(self, codes: RecoveryCodes) -> None: ...


class FactorWork(IdentityWork, Protocol):
    """What a use case of second factors can touch."""

    @property
    def totp_factors(self) -> TotpFactors: ...
    @property
    def recovery_codes(self) -> RecoveryCodeSets: ...


class TotpCodes(Protocol):
    """One-time passwords by time, RFC 6238: six digits, SHA-1, steps of 30 s, as authenticator apps expect."""

    def mint(self, user_id: UUID) -> tuple[str, bytes]:
        """A new secret in base32, shown once, and the same sealed for this user."""

    def uri(self, secret: str, account: str) -> str:
        """The secret as `otpauth://` address, which apps read from a QR code."""

    def step_of(self, sealed: bytes, user_id: UUID, code: str, now: Instant) -> int | None:
        """The time step whose code this is: the present one, the one before or the next; None for any other text."""


class RecoveryCodeTexts(Protocol):
    """Texts of recovery codes, each with 120 random bits."""

    def mint(self, count: int) -> tuple[Sequence[str], frozenset[str]]:
        """So many new codes, shown once, and their hashes."""

    def hash_of(self, text: str) -> str | None:
        """The hash of a code; case, blanks and hyphens do not count. None where the form is no such code's."""
