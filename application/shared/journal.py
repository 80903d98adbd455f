"""Reading the journal: one ordered record of everything that changed, met by its position and never by an id."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from domain.shared.errors import Conflict
from domain.shared.values import Instant

JOURNAL_LEASE = "journal"
ORDERED_PER_PASS = 5_000
SEALED_PER_PASS = 1_000
STRETCH_MAX = 2_000
"""Positions that one search for events looks at."""
ATTEMPTS_MAX = 5
REACTION_PREFIX = "reaction:"

Target = tuple[str, str]
"""Type and id of what an entry is about."""


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """One domain event as it was journalled."""

    name: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One changed aggregate, in the database's commit order. Positions are dense and rise from 1."""

    position: int
    id: UUID
    at: Instant
    operation: str
    actor_id: str | None
    request_id: str
    target_type: str
    target_id: str
    version: int
    events: Sequence[JournalEvent]

    @property
    def target(self) -> Target:
        return self.target_type, self.target_id

    def tells(self, events: AbstractSet[str]) -> bool:
        """Whether one of these happened."""
        return any(event.name in events for event in self.events)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of the journal behind `begin` up to `end`: of its entries those that tell what was asked for."""

    begin: int
    end: int
    entries: Sequence[JournalEntry] = ()

    def behind(self, position: int, events: AbstractSet[str]) -> "Stretch":
        """The rest of it, for whoever follows these events."""
        told = [entry for entry in self.entries if entry.position > position and entry.tells(events)]
        return Stretch(position, max(position, self.end), told)


class Journal(Protocol):
    """The journal of one database, as every reader follows it."""

    async def after(
        self, position: int, limit: int = 1000, *, until: int | None = None, events: AbstractSet[str] | None = None
    ) -> Sequence[JournalEntry]:
        """Ordered entries behind `position`, up to `until`, only those with one of `events` where names are given.

        Most entries concern none of those who follow: a store leaves them out, so that nobody pays for them. It may
        give some that hold none of `events`, where that is quicker. Raises Unavailable when the database is down.
        """

    async def head(self) -> int:
        """The highest position given so far, 0 for an empty journal."""


class LeaseLost(Conflict):
    """Another process keeps the journal meanwhile."""

    default_code = "lease_lost"
    default_detail = "Another process keeps the journal now; nothing was written."


class JournalKeeper(Protocol):
    """Work that one process per database does on the journal: whoever holds the lease `JOURNAL_LEASE`.

    `holder` is the fencing token. It is checked and locked in the transaction that writes, so a process that was paused
    writes nothing any more once another has taken over: both calls raise LeaseLost then, and Unavailable.
    """

    async def order(self, holder: str) -> int:
        """Give positions to at most `ORDERED_PER_PASS` entries that have none yet; how many were given.

        Of one target in commit order. An entry that commits late comes later and is never passed over.
        """

    async def seal(self, holder: str) -> int:
        """Seal at most `SEALED_PER_PASS` ordered entries into one batch with a signed head; how many were sealed."""


class Positions(Protocol):
    """How far each follower of the journal has come."""

    async def read(self, follower: str) -> int:
        """The last position that `follower` is done with, 0 at first."""

    async def move(self, follower: str, position: int) -> None:
        """Remember that `follower` is done up to `position`; never moves back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """An entry that a follower could not handle, or one that waits behind such an entry of the same target.

    `attempts` is 0 for one that only waits; with `ATTEMPTS_MAX` it is poison, and an operator says what becomes of it.
    """

    follower: str
    position: int
    target_type: str
    target_id: str
    attempts: int
    error: str
    at: Instant
    retry_at: Instant | None

    @property
    def target(self) -> Target:
        return self.target_type, self.target_id


class SetAsides(Protocol):
    """Entries that followers have set aside, so that they hold up nothing but their own target."""

    async def put(self, item: SetAside) -> None:
        """Set aside, or take over what changed of an item that is there."""

    async def remove(self, follower: str, position: int) -> bool:
        """Forget an item; whether it was there."""

    async def targets(self, follower: str) -> set[Target]:
        """The targets of which `follower` has set something aside."""

    async def due(self, follower: str, now: Instant, limit: int) -> Sequence[SetAside]:
        """What may be tried now, by position: of each target the first item, unless it is poison or not due yet."""

    async def poison(self, limit: int) -> Sequence[SetAside]:
        """What waits for an operator, of all followers, by follower and position."""

    async def renew(self, now: Instant, follower: str | None = None, position: int | None = None) -> int:
        """Have poison tried again, all of it unless told; how many items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowerState:
    """How far one follower is: `waiting` and `poison` count what it has set aside."""

    name: str
    position: int
    waiting: int = 0
    poison: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalState:
    """Where the journal stands: committed entries without a position, the last position, the last sealed one."""

    unnumbered: int
    head: int
    sealed: int
    keeper: str | None
    followers: Sequence[FollowerState]


class JournalOverview(Protocol):
    async def state(self) -> JournalState:
        """Everything at once; `keeper` is who holds the lease, followers are those that have a position."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """What follows from events of these names: at least once, in order of each target; `handle` can be repeated."""

    name: str
    events: frozenset[str]
    handle: Callable[[JournalEntry, JournalEvent], Awaitable[None]]

    @property
    def follower(self) -> str:
        """The name under which its position is kept."""
        return f"{REACTION_PREFIX}{self.name}"
