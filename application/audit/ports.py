"""Ports of audit: the trail as people read it, and the personal values that lie beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

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
