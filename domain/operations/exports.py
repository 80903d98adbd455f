"""Exports: all that is held on one person, packed for that person. There is one of each; a new request renews it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.shared.entity import Aggregate, DomainEvent
from domain.shared.values import Instant, new_id

LIFETIME = timedelta(days=7)


class ExportStatus(StrEnum):
    PENDING = "pending"
    READY = "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequested(DomainEvent):
    name: ClassVar[str] = "operations.export_requested.v1"
    export_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFinished(DomainEvent):
    name: ClassVar[str] = "operations.export_finished.v1"
    export_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportExpired(DomainEvent):
    name: ClassVar[str] = "operations.export_expired.v1"
    export_id: UUID
    user_id: UUID


@dataclass(eq=False, slots=True, kw_only=True)
class Export(Aggregate):
    """`bytes` is the size of the zip once it is ready; from `expires_at` on nobody gets it any more."""

    user_id: UUID
    expires_at: Instant
    status: ExportStatus = ExportStatus.PENDING
    bytes: int | None = None

    @classmethod
    def request(cls, user_id: UUID, at: Instant) -> "Export":
        export = cls(id=new_id(), created_at=at, updated_at=at, user_id=user_id, expires_at=at + LIFETIME)
        export.record(ExportRequested(export_id=export.id, user_id=user_id, at=at))
        return export

    def renew(self, at: Instant) -> None:
        """Be made again, of what is held by then."""
        self.status, self.bytes, self.expires_at = ExportStatus.PENDING, None, at + LIFETIME
        self.record(ExportRequested(export_id=self.id, user_id=self.user_id, at=at))

    def finish(self, size: int, at: Instant) -> None:
        """Be there to be fetched, for seven days from now."""
        self.status, self.bytes, self.expires_at = ExportStatus.READY, size, at + LIFETIME
        self.record(ExportFinished(export_id=self.id, user_id=self.user_id, at=at))

    def is_expired(self, at: Instant) -> bool:
        return at >= self.expires_at

    def expire(self, at: Instant) -> None:
        """Record the end; the unit of work removes the row."""
        self.record(ExportExpired(export_id=self.id, user_id=self.user_id, at=at))
