"""The error tree. Every refusal of FastOps is one of these; one table in each entrypoint turns the kind into an answer.

FastOpsError
├── Malformed            the bytes cannot be read                    kind malformed
├── Unauthenticated      nobody is signed in, or no longer           kind unauthenticated
├── Forbidden            signed in, but the right is missing         kind forbidden
├── NotFound             absent, or not visible to the actor         kind not_found
├── Conflict             clashes with what is there                  kind conflict
│   ├── AlreadyExists    a unique name is taken
│   ├── WrongState       the verb does not fit the state
│   └── RuleBroken       a rule over several rows (a guard) refuses
├── StaleVersion         changed by somebody else since it was read  kind stale
├── PreconditionRequired the change must name the version it saw     kind precondition_required
├── Invalid              readable, but breaks a rule                 kind invalid
├── TooLarge             over a stated limit                         kind too_large
├── UnsupportedMedia     a form that is not taken                    kind unsupported_media
├── RateLimited          too many at once                            kind rate_limited
├── Unavailable          a needed part is down; try again            kind unavailable
└── StorageFull          no room left to write                       kind storage_full
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self


class Kind(StrEnum):
    """What sort of refusal it is; entrypoints map kinds, never classes or codes."""

    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    STALE = "stale"
    PRECONDITION_REQUIRED = "precondition_required"
    INVALID = "invalid"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA = "unsupported_media"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    STORAGE_FULL = "storage_full"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule of an input: where (`pointer`, RFC 6901, or a `query`/`path`/`header` name), which, and why.

    `detail` speaks of the rule and never repeats the value.
    """

    pointer: str
    code: str
    detail: str


class FastOpsError(Exception):
    """Base of all refusals: a kind, a stable code (a slug of the docs), and a sentence that names the way out.

    `retry_after` is in seconds, None where waiting does not help or nobody knows how long. `concerns` is the type and
    id of the account or key that was refused; whoever asked is never told.
    """

    kind: ClassVar[Kind]
    default_code: ClassVar[str]
    default_detail: ClassVar[str]
    default_retry_after: ClassVar[float | None] = None
    default_violations: ClassVar[tuple[Violation, ...]] = ()

    def __init__(
        self,
        code: str | None = None,
        detail: str | None = None,
        *,
        retry_after: float | None = None,
        violations: Sequence[Violation] = (),
    ) -> None:
        self.code = code or self.default_code
        self.detail = detail or self.default_detail
        self.retry_after = self.default_retry_after if retry_after is None else retry_after
        self.violations = tuple(violations) or self.default_violations
        self.concerns: tuple[str, str] | None = None
        super().__init__(self.code, self.detail)

    def about(self, kind: str, id: object | None) -> Self:
        """Note whom it concerns, for the audit trail alone; None: nobody that is known."""
        self.concerns = None if id is None else (kind, str(id))
        return self

    @property
    def members(self) -> Mapping[str, Any]:
        """What programs are told besides, as JSON members; empty for most."""
        return {}


class Malformed(FastOpsError):
    kind = Kind.MALFORMED
    default_code = "malformed"
    default_detail = "The request cannot be read."


class Unauthenticated(FastOpsError):
    kind = Kind.UNAUTHENTICATED
    default_code = "unauthenticated"
    default_detail = "Sign in first: the token or key is missing, expired or no longer valid."


class ReauthenticationRequired(Unauthenticated):
    """RFC 9470: what is asked for needs a sign-in of the last `max_age` seconds.

    `ways` are those that the account has to prove itself anew, where they are known: `password`, `passkey`, and `oidc`
    at one of these `providers`.
    """

    default_code = "reauthentication_required"
    default_detail = "You signed in too long ago for this: prove who you are once more, or sign in again."
    _WAYS: ClassVar[Mapping[str, str]] = {
        "password": "with your password",
        "passkey": "with a passkey",
        "oidc": "by a new sign-in at your OpenID provider",
    }

    def __init__(self, max_age: int = 3600, ways: Sequence[str] = (), providers: Sequence[str] = ()) -> None:
        told = ", or ".join(self._WAYS[way] for way in ways)
        super().__init__(detail=f"You signed in too long ago for this: prove who you are {told}." if told else None)
        self.max_age, self.ways, self.providers = max_age, tuple(ways), tuple(providers)

    @property
    def members(self) -> Mapping[str, Any]:
        named: dict[str, Any] = {"ways": list(self.ways)} if self.ways else {}
        named |= {"providers": list(self.providers)} if self.providers else {}
        return {"max_age": self.max_age, **named}


class Forbidden(FastOpsError):
    kind = Kind.FORBIDDEN
    default_code = "forbidden"
    default_detail = "Your roles do not include this permission."


class NotFound(FastOpsError):
    kind = Kind.NOT_FOUND
    default_code = "not_found"
    default_detail = "There is nothing here that you may see."


class Conflict(FastOpsError):
    kind = Kind.CONFLICT
    default_code = "conflict"
    default_detail = "This clashes with the present state."


class AlreadyExists(Conflict):
    default_code = "already_exists"
    default_detail = "Something with this name is there already."


class WrongState(Conflict):
    default_code = "wrong_state"
    default_detail = "This is not possible in the present state."


class RuleBroken(Conflict):
    default_code = "rule_broken"
    default_detail = "A rule that spans several records forbids this."


class StaleVersion(FastOpsError):
    kind = Kind.STALE
    default_code = "stale_version"
    default_detail = "It was changed since you read it. Read it again and repeat your change."


class PreconditionRequired(FastOpsError):
    kind = Kind.PRECONDITION_REQUIRED
    default_code = "if_match_required"
    default_detail = "Send If-Match with the ETag you last saw, or * to change it regardless."


class Invalid(FastOpsError):
    kind = Kind.INVALID
    default_code = "invalid"
    default_detail = "Some members of the request break a rule; see errors."


class TooLarge(FastOpsError):
    kind = Kind.TOO_LARGE
    default_code = "too_large"
    default_detail = "The content is larger than allowed."


class UnsupportedMedia(FastOpsError):
    kind = Kind.UNSUPPORTED_MEDIA
    default_code = "unsupported_media_type"
    default_detail = "This content type is not taken here."


class RateLimited(FastOpsError):
    kind = Kind.RATE_LIMITED
    default_code = "rate_limited"
    default_detail = "Too many requests; wait as Retry-After says."


class Unavailable(FastOpsError):
    kind = Kind.UNAVAILABLE
    default_code = "unavailable"
    default_detail = "A needed part is down for the moment; try again."


class StorageFull(FastOpsError):
    kind = Kind.STORAGE_FULL
    default_code = "storage_full"
    default_detail = "There is no room left to write; reading goes on. Free disk space and repeat."
