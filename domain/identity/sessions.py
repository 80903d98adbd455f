"""Sessions: one sign-in, how it was proven, and the family of refresh tokens that grew from it."""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.shared.entity import Aggregate, DomainEvent
from domain.shared.values import Instant

SESSION_LIFETIME = timedelta(days=30)


class Method(StrEnum):
    """How somebody proved who it is: the values of `amr`, RFC 8176 but for `recovery` and `fed`."""

    PASSWORD = "pwd"  # noqa: S105 (its name)
    CODE = "otp"
    RECOVERY_CODE = "recovery"
    KEY = "pop"
    PRESENCE = "user"
    SEVERAL = "mfa"
    FEDERATED = "fed"


class Level(StrEnum):
    """How sure a sign-in is: the values of `acr`, named by the assurance levels of NIST SP 800-63B."""

    ONE_FACTOR = "aal1"
    TWO_FACTORS = "aal2"


@dataclass(frozen=True, slots=True)
class Authentication:
    """When and by what somebody proved who it is."""

    at: Instant
    methods: tuple[Method, ...] = (Method.PASSWORD,)

    @property
    def level(self) -> Level:
        return Level.TWO_FACTORS if Method.SEVERAL in self.methods else Level.ONE_FACTOR


class SessionEnd(StrEnum):
    SIGNED_OUT = "signed_out"
    REUSE = "refresh_token_reuse"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(DomainEvent):
    name: ClassVar[str] = "identity.session_started.v1"
    session_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRefreshed(DomainEvent):
    name: ClassVar[str] = "identity.session_refreshed.v1"
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReauthenticated(DomainEvent):
    name: ClassVar[str] = "identity.session_reauthenticated.v1"
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(DomainEvent):
    name: ClassVar[str] = "identity.session_ended.v1"
    session_id: UUID
    reason: SessionEnd


@dataclass(eq=False, slots=True, kw_only=True)
class Session(Aggregate):
    """A family of single-use refresh tokens. `generation` is the one that is still unused; `secret_hash` that of the
    family's secret. Of two refreshes at once the version check lets one through."""

    user_id: UUID
    secret_hash: bytes
    expires_at: Instant
    generation: int = 1
    ended_at: Instant | None = None
    end_reason: SessionEnd | None = None
    client_address: str | None = None
    user_agent: str | None = None
    authentication: Authentication

    @classmethod
    def start(
        cls,
        *,
        session_id: UUID,
        user_id: UUID,
        secret_hash: bytes,
        at: Instant,
        client_address: str | None = None,
        user_agent: str | None = None,
        methods: tuple[Method, ...] = (Method.PASSWORD,),
        authenticated_at: Instant | None = None,
    ) -> "Session":
        """`authenticated_at` is when the person was proven, where that was not now."""
        session = cls(
            id=session_id,
            created_at=at,
            updated_at=at,
            user_id=user_id,
            secret_hash=secret_hash,
            expires_at=at + SESSION_LIFETIME,
            client_address=client_address,
            user_agent=user_agent,
            authentication=Authentication(authenticated_at or at, methods),
        )
        session.record(SessionStarted(session_id=session.id, user_id=user_id, at=at))
        return session

    def is_live(self, at: Instant) -> bool:
        return self.ended_at is None and at < self.expires_at

    def is_of(self, secret_hash: bytes) -> bool:
        """Whether a token with a secret of this hash belongs to the family; takes the same time either way."""
        return hmac.compare_digest(secret_hash, self.secret_hash)

    def is_unused(self, generation: int) -> bool:
        """Whether the token of this generation may still be spent; any other one has been used before."""
        return generation == self.generation

    def may_repeat(self, generation: int, at: Instant, within: timedelta) -> bool:
        """Whether this token was spent a moment ago for the one that is still unused: its answer may be lost.

        After another proof of identity nobody knows any more when it was spent.
        """
        is_last = generation == self.generation - 1 and self.authentication.at < self.updated_at
        return bool(within) and is_last and at - self.updated_at < within

    def refresh(self, at: Instant) -> int:
        """Spend the present generation and give the next one."""
        self.generation += 1
        self.record(SessionRefreshed(session_id=self.id, at=at))
        return self.generation

    def reauthenticate(self, methods: tuple[Method, ...], at: Instant) -> None:
        """Note that the same person has proven anew who it is."""
        self.authentication = Authentication(at, methods)
        self.record(SessionReauthenticated(session_id=self.id, at=at))

    def end(self, reason: SessionEnd, at: Instant) -> None:
        """End it; ending twice keeps the first reason."""
        if self.ended_at is None:
            self.ended_at, self.end_reason = at, reason
            self.record(SessionEnded(session_id=self.id, reason=reason, at=at))
