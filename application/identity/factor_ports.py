"""Ports of second factors and passkeys: their view of the work, and the makers and checkers of what is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from application.identity.ports import IdentityWork
from application.shared.unit_of_work import Rule
from domain.identity.errors import IdentityNeeded, PasswordTooShort
from domain.identity.passkeys import Credential, Passkey
from domain.identity.second_factors import RecoveryCodes, TotpFactor
from domain.identity.users import User
from domain.shared.errors import StaleVersion
from domain.shared.values import Instant

SHORT_PASSWORD = Rule("identity.short_password", PasswordTooShort)
"""A password that is long enough only beside a second factor has one; checked where such a password comes, and where a
factor goes."""
SHORT_PASSWORD_TOO = Rule(SHORT_PASSWORD.name, StaleVersion)
"""The same where such a password goes with the factors: one that has come meanwhile goes too."""
CODES_STAND_IN = Rule("identity.recovery_codes", StaleVersion)
"""Recovery codes are there only beside another factor; checked where they come, and where a factor goes."""
WAY_IN = Rule("identity.way_in", IdentityNeeded)
"""A user has a password, a passkey that is not blocked, or a linked identity; checked where somebody gives one up."""


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


class Passkeys(Protocol):
    async def find(self, id: UUID) -> Passkey | None: ...
    async def of_user(self, user_id: UUID) -> Sequence[Passkey]:
        """All passkeys of a user, oldest first."""

    async def by_credential(self, credential_id: bytes) -> Passkey | None:
        """The passkey that an authenticator knows by this id."""

    def add(self, passkey: Passkey) -> None: ...
    def remove(self, passkey: Passkey) -> None: ...


class FactorWork(IdentityWork, Protocol):
    """What a use case of second factors can touch."""

    @property
    def totp_factors(self) -> TotpFactors: ...
    @property
    def recovery_codes(self) -> RecoveryCodeSets: ...
    @property
    def passkeys(self) -> Passkeys: ...


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


class Challenges(Protocol):
    """Challenges of WebAuthn: random, for five minutes, for one purpose and whom it is bound to. Nothing is stored."""

    def mint(self, purpose: str, bound_to: bytes, now: Instant) -> bytes: ...

    def expiry(self, challenge: bytes, purpose: str, bound_to: bytes, now: Instant) -> Instant | None:
        """When it runs out; None for what was not made here for this, or is too old."""


@dataclass(frozen=True, slots=True)
class ShownCredential:
    """The answer of an authenticator (`PublicKeyCredential.toJSON()`) before it is verified."""

    content: Mapping[str, Any]
    credential_id: bytes
    challenge: bytes
    user_handle: bytes | None = None


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an authenticator has signed. `user_verified` where it has checked its user, by a PIN or finger."""

    sign_count: int
    user_verified: bool
    backed_up: bool


class PasskeyCeremonies(Protocol):
    """The ceremonies of WebAuthn (level 3) for the web addresses of this installation.

    Options have the JSON form that `PublicKeyCredential.parse…OptionsFromJSON()` takes.
    """

    def creation_options(self, user: User, challenge: bytes, known: Sequence[Passkey]) -> Mapping[str, Any]:
        """For a new passkey, which is discoverable where the authenticator can; `known` ones make no second."""

    def request_options(self, challenge: bytes, known: Sequence[Passkey] = ()) -> Mapping[str, Any]:
        """For signing in: with one of `known`, or, where none is named, with any, verifying the user."""

    def read(self, content: Mapping[str, Any]) -> ShownCredential | None:
        """Which credential and challenge an answer is about; None where it cannot be read."""

    def created(self, shown: ShownCredential) -> Credential | None:
        """The new credential; None where origin, relying party, form or signature are not as they must be."""

    def asserted(self, shown: ShownCredential, public_key: bytes) -> Assertion | None:
        """What was signed with this key; None where signature, origin or relying party are not as they must be."""
