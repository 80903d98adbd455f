"""Jobs: long work whose truth is a row. At most one worker holds a job; its version is the fencing token."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.shared.entity import Aggregate
from domain.shared.errors import WrongState
from domain.shared.values import Instant, new_id

LEASE = timedelta(seconds=60)
ATTEMPTS_MAX = 5


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED})


@dataclass(eq=False, slots=True, kw_only=True)
class Job(Aggregate):
    """A piece of long work on one subject. Each claim moves the version, so a worker that lost its lease cannot write.

    Progress is counted (`done` of `total` `unit`s), never invented; counting it does not move the version.
    """

    kind: str
    subject_id: UUID
    owner_id: UUID | None
    payload: Mapping[str, Any] = field(default_factory=dict)
    status: JobStatus = JobStatus.QUEUED
    attempts: int = 0
    done: int = 0
    total: int = 0
    unit: str = "chunks"
    error_code: str | None = None
    error_detail: str | None = None
    worker: str | None = None
    lease_until: Instant | None = None
    run_after: Instant | None = None

    @classmethod
    def queue(
        cls,
        *,
        kind: str,
        subject_id: UUID,
        owner_id: UUID | None,
        at: Instant,
        unit: str = "chunks",
        payload: Mapping[str, Any] | None = None,
    ) -> "Job":
        job = cls(
            id=new_id(),
            created_at=at,
            updated_at=at,
            kind=kind,
            subject_id=subject_id,
            owner_id=owner_id,
            unit=unit,
            payload=payload or {},
        )
        job.touch(at)
        return job

    def claim(self, worker: str, at: Instant) -> None:
        """Hold it for `LEASE`; whoever held it before loses it."""
        self.status, self.worker, self.lease_until = JobStatus.RUNNING, worker, at + LEASE
        self.attempts += 1
        self.touch(at)

    def succeed(self, done: int, at: Instant) -> None:
        self.status, self.done, self.total = JobStatus.SUCCEEDED, done, done
        self._let_go(at)

    def fail(self, code: str, detail: str, at: Instant) -> None:
        """End it for good; the code names the reason."""
        self.status, self.error_code, self.error_detail = JobStatus.FAILED, code, detail
        self._let_go(at)

    def retry_later(self, code: str, detail: str, at: Instant) -> None:
        """A needed part was down: queue it again with growing distance, or fail after the last attempt."""
        if self.attempts >= ATTEMPTS_MAX:
            self.fail(code, detail, at)
            return
        self.status, self.error_code, self.error_detail = JobStatus.QUEUED, code, detail
        self.run_after = at + timedelta(seconds=2**self.attempts)
        self._let_go(at)

    def cancel(self, at: Instant) -> None:
        """Stop it. Raises WrongState when it is over."""
        if self.status in FINAL:
            raise WrongState("job_is_over", "This job has ended already.")
        self.status = JobStatus.CANCELLED
        self._let_go(at)

    def restart(self, at: Instant) -> None:
        """Queue it again. Raises WrongState unless it failed or was cancelled."""
        if self.status not in {JobStatus.FAILED, JobStatus.CANCELLED}:
            raise WrongState("job_not_failed", "Only a failed or cancelled job can be tried again.")
        self.status, self.attempts, self.done, self.total = JobStatus.QUEUED, 0, 0, 0
        self.error_code = self.error_detail = self.run_after = None
        self.touch(at)

    def _let_go(self, at: Instant) -> None:
        self.worker = self.lease_until = None
        self.touch(at)
