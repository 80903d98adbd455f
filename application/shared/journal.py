"""Reading the journal: one ordered record of everything that changed, met by its position and never by an id."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from domain.shared.values import Instant


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


class Journal(Protocol):
    """The journal of one database, as every reader follows it."""

    async def after(self, position: int, limit: int = 1000) -> Sequence[JournalEntry]:
        """Ordered entries behind `position`. Raises Unavailable when the database is down."""

    async def head(self) -> int:
        """The highest position given so far, 0 for an empty journal."""


class JournalKeeper(Protocol):
    """Work that one process per database does on the journal, under a lease."""

    async def order(self) -> int:
        """Give positions to entries that have none yet, in commit order; how many were given."""

    async def seal(self) -> int:
        """Seal ordered entries into one Merkle batch with a signed head; how many were sealed."""


class Positions(Protocol):
    """How far each follower of the journal has come, and the entries that it had to set aside."""

    async def read(self, follower: str) -> int:
        """The last position that `follower` is done with, 0 at first."""

    async def move(self, follower: str, position: int) -> None:
        """Remember that `follower` is done up to `position`; never moves back."""

    async def set_aside(self, follower: str, position: int, error: str) -> None:
        """Remember a poison entry: `follower` goes on without it, an operator sees it."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """What follows from events of these names. At least once, in order; `handle` is idempotent by entry."""

    name: str
    events: frozenset[str]
    handle: Callable[[JournalEntry, JournalEvent], Awaitable[None]]
