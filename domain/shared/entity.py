"""Base of all aggregates and of the events that they record."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import Enum
from functools import cache
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
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


@cache
def _members(event: Any) -> tuple[str, ...]:
    return tuple(item.name for item in fields(event))


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """Something that happened, in the past tense. `name` is stable: `<context>.<what>.v<n>`."""

    name: ClassVar[str]
    at: Instant

    def payload(self) -> dict[str, Any]:
        """Members of the event, without secrets; readers of other contexts meet their JSON form and nothing else."""
        kind: Any = type(self)
        return {name: getattr(self, name) for name in _members(kind)}


@dataclass(eq=False, slots=True, kw_only=True)
class Aggregate:
    """One consistency boundary: one row and the rows that it owns. State changes through verbs only.

    `version` is the one that the row has, or will have once the changes since it was read are committed: the first
    change moves it by one, the next ones do not.
    """

    id: UUID
    created_at: Instant
    updated_at: Instant
    version: int = 0
    _events: list[DomainEvent] = field(default_factory=list, repr=False)
    _touched: bool = field(default=False, repr=False)

    def record(self, event: DomainEvent) -> None:
        """Keep what happened for the journal."""
        self._events.append(event)
        self.touch(event.at)

    def touch(self, at: Instant) -> None:
        """Note a change: `updated_at` moves, and the version once."""
        self.updated_at = at
        if not self._touched:
            self._touched = True
            self.version += 1

    @property
    def events(self) -> tuple[DomainEvent, ...]:
        return tuple(self._events)

    def settle(self, version: int) -> None:
        """Called by the unit of work once the changes are written."""
        self._events.clear()
        self._touched, self.version = False, version
