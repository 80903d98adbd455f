"""Ports of operations: jobs as people see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from application.shared.unit_of_work import Commits
from domain.operations.jobs import Job
from domain.shared.actor import Actor
from domain.shared.values import Instant, ListQuery, Page


class Jobs(Protocol):
    async def get(self, id: UUID, expected: int | None = None) -> Job: ...


class OperationsWork(Commits, Protocol):
    """What a use case of operations can touch."""

    @property
    def job_rows(self) -> Jobs: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    id: UUID
    kind: str
    subject_id: UUID
    owner_id: UUID | None
    status: str
    done: int
    total: int
    unit: str
    attempts: int
    error_code: str | None
    error_detail: str | None
    created_at: Instant
    updated_at: Instant
    version: int

    @classmethod
    def of(cls, job: Job) -> "JobView":
        members: Mapping[str, Any] = {name: getattr(job, name) for name in cls.__slots__ if name != "status"}
        return cls(status=job.status.value, **members)


class JobLists(Protocol):
    async def jobs(self, actor: Actor, query: ListQuery) -> Page[JobView]:
        """The actor's own jobs; all of them for one that sees every collection. Filters: status, kind, subject_id."""
