"""Ports of audit: the trail as people read it, and the personal values that lie beside it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from application.shared.notes import Note
from domain.audit.chain import Seal
from domain.audit.checkpoints import Checkpoint
from domain.audit.evidence import StoredEntry
from domain.shared.values import Instant, ListQuery, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One journal entry for people. `sequence` is None until it is sealed; erased personal values are absent."""

    id: UUID
    sequence: int | None
    at: Instant
    actor_type: str
    actor_id: str | None
    actor_name: str | None
    action: str
    target_type: str
    target_id: str
    outcome: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    request_id: str
    client_address: str | None


class AuditTrail(Protocol):
    async def events(self, query: ListQuery) -> Page[AuditEvent]:
        """Sorts: at. Filters: actor (id), action, target_type, target_id, from, to (instants, half open)."""

    async def event(self, id: UUID) -> AuditEvent:
        """Raises NotFound."""


class Unplaced(NamedTuple):
    """An entry that is in the journal and in no order: `behind` is the position after which it lies."""

    id: UUID
    behind: int


class SealedTrail(Protocol):
    """The trail as it was sealed, for those who check it. Calls raise Unavailable when the store is down."""

    async def seals(self, behind: int, limit: int) -> Sequence[Seal]:
        """Up to `limit` batches with a number above `behind`, by number."""

    async def latest(self) -> Seal | None:
        """The batch with the highest number, None before anything is sealed."""

    async def seal_at(self, position: int) -> Seal | None:
        """The first batch that ends at this position or later."""

    async def heads(self, query: ListQuery) -> Page[Checkpoint]:
        """Heads without their public keys. Sorts: number. No filters."""

    async def place(self, id: UUID) -> int | None:
        """The position of an entry; None where it has none yet. Raises NotFound."""

    async def entries(self, first: int, last: int) -> Sequence[StoredEntry]:
        """What is stored at the positions from `first` to `last`, by position; those where nothing is are left out."""

    async def unplaced(self, limit: int) -> Sequence[Unplaced]:
        """Up to `limit` entries that have no position and do not wait for one."""

    async def end(self) -> int:
        """The highest position given, 0 for an empty trail."""


class Checkpoints(Protocol):
    """Heads that were copied out of the store."""

    async def latest(self) -> Checkpoint | None:
        """The copy with the highest number. Raises Invalid `checkpoints_unreadable` where that is no head."""

    async def all(self) -> Sequence[Checkpoint]:
        """Every copy that is kept, by number; raises as above."""

    async def append(self, heads: Sequence[Checkpoint]) -> None:
        """Keep these, given by number, for good; those up to the latest are known. Raises Unavailable."""


class HeadKeys(Protocol):
    """The keys that sign heads of this installation, the retired ones included."""

    def verify(self, kid: str, statement: bytes, signature: bytes) -> bool:
        """Whether the key of this id, which is ours, made this signature."""

    def kid(self, generation: int) -> str:
        """The id of the key of a generation."""

    def public(self, kid: str) -> bytes | None:
        """The public key of this id, 32 bytes (RFC 8032); None where it is not ours."""


class HeadKeyStore(Protocol):
    async def change(self, note: Callable[[int], Note]) -> int:
        """Have heads signed with the key of the next generation, which is given back.

        `note` makes the journal entry of it, which is written in the same transaction. Raises Unavailable.
        """


class PersonalValues(Protocol):
    """Names, addresses and free text beside the entries. Without them the entries are still there and still verify."""

    async def erase_person(self, user_id: UUID) -> int:
        """Erase what the trail holds of one person; in how many entries.

        That is who acted, where it was this person or one of his API keys; the values of his account; and those of what
        only he had, such as sessions and answers. What he did to things of others stays.
        """

    async def erase_older(self, than: Instant, behind: int, limit: int) -> int:
        """Erase all personal values of up to `limit` entries older than `than`; the number of the last entry seen.

        Numbers rise with time. Call again with what was given back; equal to `behind` when there is nothing more.
        """
