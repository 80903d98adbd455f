"""The job desk of a unit of work, over whichever repository of jobs the store has."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from application.shared.jobs import JobTicket
from application.shared.ports import Clock
from domain.operations.jobs import FINAL, Job
from domain.shared.errors import StaleVersion


class JobRows(Protocol):
    async def get(self, id: UUID, expected: int | None = None) -> Job: ...
    async def find_many(self, ids: Sequence[UUID]) -> list[Job | None]: ...
    async def open_of(self, subject_id: UUID) -> Sequence[Job]: ...
    def add(self, job: Job) -> None: ...
    def remove(self, job: Job) -> None: ...


def ticket_of(job: Job, version: int) -> JobTicket:
    """The claim of whoever holds the job at `version`."""
    return JobTicket(
        id=job.id,
        kind=job.kind,
        subject_id=job.subject_id,
        owner_id=job.owner_id,
        version=version,
        attempts=job.attempts,
        payload=job.payload,
    )


class TrackedJobDesk:
    """Ends only jobs whose version is still that of the claim."""

    def __init__(self, rows: JobRows, clock: Clock) -> None:
        self._rows, self._clock = rows, clock

    def queue(
        self,
        kind: str,
        subject_id: UUID,
        owner_id: UUID | None,
        *,
        worker: str | None = None,
        unit: str = "chunks",
        payload: Mapping[str, Any] | None = None,
    ) -> JobTicket:
        now = self._clock.now()
        job = Job.queue(kind=kind, subject_id=subject_id, owner_id=owner_id, at=now, unit=unit, payload=payload)
        if worker is not None:
            job.claim(worker, self._clock.now())
        self._rows.add(job)
        return ticket_of(job, version=1)

    async def cancel_of(self, subject_id: UUID) -> None:
        for job in await self._rows.open_of(subject_id):
            if job.status not in FINAL:
                job.cancel(self._clock.now())

    async def read(self, tickets: Sequence[JobTicket]) -> None:
        await self._rows.find_many([ticket.id for ticket in tickets])

    async def succeed(self, ticket: JobTicket, done: int) -> None:
        (await self._claimed(ticket)).succeed(done, self._clock.now())

    async def forget(self, ticket: JobTicket) -> None:
        self._rows.remove(await self._claimed(ticket))

    async def fail(self, ticket: JobTicket, code: str, detail: str) -> None:
        (await self._claimed(ticket)).fail(code, detail, self._clock.now())

    async def retry_later(self, ticket: JobTicket, code: str, detail: str) -> bool:
        job = await self._claimed(ticket)
        job.retry_later(code, detail, self._clock.now())
        return job.status not in FINAL

    async def _claimed(self, ticket: JobTicket) -> Job:
        job = await self._rows.get(ticket.id, ticket.version)
        if job.status in FINAL:
            raise StaleVersion()
        return job
