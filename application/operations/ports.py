"""Ports of operations: jobs as people see them, and exports of what is held on a person."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from application.shared.jobs import JobDesk
from application.shared.unit_of_work import Commits
from domain.operations.exports import Export
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


class Exports(Protocol):
    async def get(self, id: UUID, expected: int | None = None) -> Export: ...
    async def find(self, id: UUID) -> Export | None: ...
    async def of_user(self, user_id: UUID) -> Export | None: ...

    async def expired(self, now: Instant, limit: int) -> Sequence[Export]:
        """Some of those that have expired by `now`."""

    def add(self, export: Export) -> None: ...
    def remove(self, export: Export) -> None: ...


class ExportWork(Commits, Protocol):
    """What a use case of exports can touch."""

    @property
    def exports(self) -> Exports: ...
    @property
    def jobs(self) -> JobDesk: ...


Records = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows by section: plain data without secrets."""


class PersonalRecords(Protocol):
    async def of(self, user_id: UUID) -> Records:
        """All that is held on a person: account, roles, groups, grants, sessions, keys, answers, the metadata of
        documents in collections that he manages, jobs, and what the trail holds of him.

        Of others nothing but what they did to his account is among it. Raises Unavailable when the store is down.
        """


class ExportFiles(Protocol):
    """Where the bytes of exports lie. Raises StorageFull and Unavailable."""

    async def put(self, key: str, content: AsyncIterator[bytes] | bytes) -> None: ...

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """The bytes in parts. Raises NotFound."""

    async def delete(self, key: str) -> None:
        """Nothing happens where they are gone already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportView:
    """`job_id` is that of the job that makes it, where it was just asked for."""

    id: UUID
    user_id: UUID
    status: str
    bytes: int | None
    created_at: Instant
    expires_at: Instant
    version: int
    job_id: UUID | None = None

    @classmethod
    def of(cls, export: Export, job_id: UUID | None = None) -> "ExportView":
        return cls(
            id=export.id,
            user_id=export.user_id,
            status=export.status.value,
            bytes=export.bytes,
            created_at=export.created_at,
            expires_at=export.expires_at,
            version=export.version,
            job_id=job_id,
        )
