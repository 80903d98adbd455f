"""Base of all aggregates and of the events that they record."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar
from uuid import UUID

from domain.shared.values import Instant


def plain(value: Any) -> Any:
    """The JSON form of a value: ids and times as text, sets sorted, enums by their value."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """Something that happened, in the past tense. `name` is stable: `<context>.<what>.v<n>`."""

    name: ClassVar[str]
    at: Instant

    def payload(self) -> dict[str, Any]:
        """JSON members of the event, without secrets; readers of other contexts meet nothing else."""
        return {item.name: plain(getattr(self, item.name)) for item in fields(self)}


@dataclass(eq=False, slots=True, kw_only=True)
class Aggregate:
    """One consistency boundary: one row and the rows that it owns. State changes through verbs only.

    `version` is that of the stored row, 0 before the first commit; the unit of work moves it.
    """

    id: UUID
    created_at: Instant
    updated_at: Instant
    version: int = 0
    _events: list[DomainEvent] = field(default_factory=list, repr=False)

    def record(self, event: DomainEvent) -> None:
        """Keep what happened for the journal and move `updated_at`."""
        self._events.append(event)
        self.updated_at = event.at

    @property
    def events(self) -> tuple[DomainEvent, ...]:
        return tuple(self._events)

    @property
    def next_version(self) -> int:
        """The version once this work is committed: what views show, as they are made just before."""
        return self.version + 1 if self._events else self.version

    def forget_events(self) -> None:
        """Called by the unit of work once the events are written."""
        self._events.clear()
