"""Ports of audit: the trail as people read it."""

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
