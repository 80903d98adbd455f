"""Ports of identity: its view of the work, its read models, and the makers of hashes and tokens."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from application.identity.link_ports import OneTimeTokens
from application.identity.views import ApiKeyView, GroupView, SessionView, UserView
from application.shared.jobs import JobDesk
from application.shared.unit_of_work import Commits, Rule
from domain.identity.credentials import ApiKey, PasswordCredential
from domain.identity.errors import LastAdministrator, RoleInUse
from domain.identity.groups import Group
from domain.identity.roles import CustomRole, Rights
from domain.identity.sessions import Authentication, Session
from domain.identity.users import User
from domain.shared.actor import Actor, ActorType, Origin
from domain.shared.values import Instant, ListQuery, Page

LAST_ADMINISTRATOR = Rule("identity.last_administrator", LastAdministrator)
"""There is an active person of the role admin with a password, a passkey that is not blocked, or a linked identity."""
ROLES_IN_PLACE = Rule("identity.roles_in_place", RoleInUse)
"""Every role that a user has is there; checked where one is given and where one is deleted."""


class Users(Protocol):
    async def get(self, id: UUID, expected: int | None = None) -> User:
        """Raises NotFound, or StaleVersion when `expected` is given and differs."""

    async def find(self, id: UUID) -> User | None:
        """None where there is none."""

    async def by_email(self, email: str) -> User | None:
        """By the normal form of the address."""

    def add(self, user: User) -> None: ...
    def remove(self, user: User) -> None: ...


class Passwords(Protocol):
    async def find(self, id: UUID) -> PasswordCredential | None:
        """The password of a user, None where there is none."""

    async def rehash(self, user_id: UUID, old_hash: str, new_hash: str) -> None:
        """Put the same password's hash with newer parameters in place, if `old_hash` is still stored.

        Machinery: one atomic statement at once, without `commit`; no version moves, no journal entry is made.
        """

    def add(self, credential: PasswordCredential) -> None: ...
    def remove(self, credential: PasswordCredential) -> None: ...


class Sessions(Protocol):
    async def get(self, id: UUID, expected: int | None = None) -> Session: ...
    async def find(self, id: UUID) -> Session | None: ...
    async def open_of(self, user_id: UUID) -> Sequence[Session]:
        """All sessions of a user that have not been ended."""

    def add(self, session: Session) -> None: ...


class ApiKeys(Protocol):
    async def get(self, id: UUID, expected: int | None = None) -> ApiKey: ...
    async def of_owner(self, owner_id: UUID) -> Sequence[ApiKey]: ...
    def add(self, key: ApiKey) -> None: ...
    def remove(self, key: ApiKey) -> None: ...


class Roles(Protocol):
    """Custom roles; the built-in ones are code."""

    async def named(self, names: Iterable[str]) -> Sequence[CustomRole]:
        """Those of these names that are there."""

    async def all(self) -> Sequence[CustomRole]: ...
    def add(self, role: CustomRole) -> None: ...
    def remove(self, role: CustomRole) -> None: ...


class Groups(Protocol):
    async def get(self, id: UUID, expected: int | None = None) -> Group: ...
    def add(self, group: Group) -> None: ...
    def remove(self, group: Group) -> None: ...


class IdentityWork(Commits, Protocol):
    """What a use case of identity can touch."""

    @property
    def users(self) -> Users: ...
    @property
    def passwords(self) -> Passwords: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def api_keys(self) -> ApiKeys: ...
    @property
    def one_time_tokens(self) -> OneTimeTokens: ...
    @property
    def roles(self) -> Roles: ...
    @property
    def groups(self) -> Groups: ...
    @property
    def jobs(self) -> JobDesk: ...


class IdentityLists(Protocol):
    """Lists of identity; plain data, keyset-paged."""

    async def users(self, query: ListQuery) -> Page[UserView]:
        """Sorts: created_at, name, email. Filters: email, status, role, q (part of name or e-mail)."""

    async def api_keys(self, owner_id: UUID | None, query: ListQuery) -> Page[ApiKeyView]:
        """Keys of one owner, or of all for `owner_id` None. Sorts: created_at, name."""

    async def sessions(self, user_id: UUID, query: ListQuery) -> Page[SessionView]:
        """Sessions of one user that have not ended. Sorts: created_at."""

    async def groups(self, query: ListQuery) -> Page[GroupView]:
        """Groups. Sorts: created_at, name. Filters: name, q (part of the name), member (a user id)."""

    async def group_members(self, group_id: UUID, query: ListQuery) -> Page[UserView]:
        """The users in a group; sorts and filters of `users`."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The standing of a user as rights are decided: always from the primary store, at most a second old.

    `valid_until` is the end of the session that it was found by, None where it was not found by one.
    """

    user_id: UUID
    name: str
    email: str
    active: bool
    rights: Rights
    group_ids: frozenset[UUID] = frozenset()
    valid_until: Instant | None = None

    def actor(self, origin: Origin | None = None, session_id: UUID | None = None, outlived: int | None = None) -> Actor:
        """The user itself as the one who acts, with all its rights."""
        return Actor(
            type=ActorType.USER,
            id=str(self.user_id),
            name=self.name,
            user_id=self.user_id,
            session_id=session_id,
            permissions=self.rights.permissions,
            group_ids=self.group_ids,
            every_collection=self.rights.every_collection,
            origin=origin or Origin(),
            outlived=outlived,
        )


class Principals(Protocol):
    """Who stands behind a credential right now. Raises Unavailable when this cannot be decided."""

    async def of_user(self, user_id: UUID) -> Principal | None: ...

    async def of_session(self, session_id: UUID, now: Instant) -> Principal | None:
        """The user of a session that is live at `now`; None for an ended, expired or unknown one."""

    async def of_api_key(self, key_id: UUID) -> tuple[ApiKey, Principal] | None:
        """The key and its owner."""

    async def touch_api_key(self, key_id: UUID, at: Instant) -> None:
        """Keep the time of last use; machinery, at most once a minute and key, never fails the request."""


class RightsEpoch(Protocol):
    """A number that moves with every change of rights, in the transaction of the change, on all processes."""

    async def current(self) -> int:
        """The number as it was in the database at most 0.75 s ago, and never before a change that this process
        committed. Raises Unavailable where it could not be read for that long."""


class SignInThrottle(Protocol):
    """Slows down guessing. Attempts count on arrival, per address, per account, and per pair of both.

    One address can use up only a small part of what an account admits, so it never locks the owner out elsewhere;
    an address from which the account signed in before does not depend on the account's limit at all. Where processes
    count together and their store does not answer, each counts for itself within half a second, more strictly.
    """

    async def arrive(self, address: str | None, account: str) -> None:
        """Count an attempt. Raises RateLimited with retry_after, before anything is hashed."""

    async def succeeded(self, address: str | None, account: str) -> None:
        """Give the attempt back: right passwords are not limited. The address is known for the account from then on."""

    async def give_back(self, address: str | None, account: str) -> None:
        """Give the attempt back, and nothing more: what was shown was right, but not all that a sign-in needs."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a verified access token (RFC 9068) says.

    `authenticated_at`, `methods` (`amr`) and `level` (`acr`) are empty in those of releases before 0.2.
    """

    user_id: UUID
    session_id: UUID
    expires_at: Instant
    authenticated_at: Instant | None = None
    methods: tuple[str, ...] = ()
    level: str | None = None


class AccessTokens(Protocol):
    def issue(
        self, user_id: UUID, session_id: UUID, scope: str, authentication: Authentication, now: Instant
    ) -> tuple[str, int]:
        """A signed access token (`typ: at+jwt`, Ed25519) and its lifetime in seconds.

        `authentication` becomes its `auth_time`, `amr` and `acr`.
        """

    def verify(self, token: str, now: Instant) -> AccessClaims:
        """Raises TokenRefused for anything but a whole, unexpired access token of this service."""

    def jwks(self) -> dict[str, object]:
        """The public keys, RFC 7517."""


class RefreshTokens(Protocol):
    """Single-use refresh tokens: opaque text of session id, generation, family secret and a MAC."""

    def mint(self, session_id: UUID) -> tuple[str, bytes]:
        """The first token of a family and the SHA-256 of the family secret."""

    def next(self, token: str, generation: int) -> str:
        """The token of a later generation of the same family."""

    def read(self, token: str) -> tuple[UUID, int, bytes] | None:
        """Session id, generation and secret hash; None where the text is no token of this service."""


class ApiKeySecrets(Protocol):
    """Texts of API keys: `fo_<id>_<secret><crc32>`."""

    def mint(self, key_id: UUID) -> tuple[str, bytes]:
        """The text, shown once, and the SHA-256 of its secret."""

    def read(self, text: str) -> tuple[UUID, bytes] | None:
        """Key id and secret hash; None where form or checksum is wrong, without any look-up."""


class PasswordHasher(Protocol):
    """argon2id in a pool of its own. Raises Unavailable with retry_after when over a second of work is waiting."""

    def require_room(self) -> None:
        """Raise what the others would raise now; asked first, it spares those who are turned away all other work."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password: str, password_hash: str | None) -> tuple[bool, str | None]:
        """Whether it fits, and a new hash where the stored one has old parameters.

        With None for an unknown account it takes the same time and says False.
        """

    def adopted(self, foreign: str) -> str | None:
        """A hash that another system made, as it is kept until the first sign-in; None where it cannot be checked."""


class CommonPasswords(Protocol):
    def contains(self, password: str) -> bool:
        """Whether this password is on the list of common ones."""
