"""How every context queues long work and carries it out. The truth is a row; a transport only wakes workers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from domain.shared.values import Instant


@dataclass(frozen=True, slots=True)
class JobTicket:
    """A claim on a job. `version` is the fencing token: it moved when the job was claimed."""

    id: UUID
    kind: str
    subject_id: UUID
    owner_id: UUID | None
    version: int
    attempts: int
    payload: Mapping[str, Any] = field(default_factory=dict)


class JobDesk(Protocol):
    """Jobs inside a unit of work: what it queues and ends is written with everything else, or not at all."""

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
        """Queue work; with `worker` it begins claimed by that worker, for programs that do the work themselves.

        `payload` is what the work needs to know, JSON; secrets in it are sealed.
        """

    async def cancel_of(self, subject_id: UUID) -> None:
        """Cancel the open jobs of a subject."""

    async def read(self, tickets: Sequence[JobTicket]) -> None:
        """Read the jobs of many claims with one look at the store, so that ending each needs none of its own."""

    async def succeed(self, ticket: JobTicket, done: int) -> None:
        """End the claimed job. On commit raises StaleVersion when the claim was lost to another worker."""

    async def forget(self, ticket: JobTicket) -> None:
        """End the claimed job and leave nothing of it; StaleVersion as above."""

    async def fail(self, ticket: JobTicket, code: str, detail: str) -> None:
        """End the claimed job for good, with its named reason; StaleVersion as above."""

    async def retry_later(self, ticket: JobTicket, code: str, detail: str) -> bool:
        """A needed part was down: queue it again with growing distance; StaleVersion as above.

        False when this was the last attempt: the job has failed then.
        """


class JobQueue(Protocol):
    """Claims, outside any unit of work. Each call is one atomic statement or transaction of its own."""

    async def claim(self, worker: str, kinds: Sequence[str], limit: int, now: Instant) -> Sequence[JobTicket]:
        """Take up to `limit` jobs that are queued and due, or whose lease ran out, oldest first."""

    async def due(self, kinds: Sequence[str], now: Instant) -> bool:
        """Whether `claim` would find anything; changes nothing."""

    async def let_go(self, worker: str) -> int:
        """Queue what `worker` holds again, for one that is known to be gone; how many jobs. Its tickets end."""

    async def prolong(self, tickets: Sequence[JobTicket], now: Instant) -> None:
        """Move the leases on; those that were lost meanwhile are passed over."""

    async def progress(self, ticket: JobTicket, done: int, total: int) -> None:
        """Count what is done; machinery, it moves no version."""

    async def forget(self, kinds: Sequence[str], before: Instant, limit: int) -> int:
        """Remove up to `limit` jobs of these kinds that ended before this moment, whatever their end; how many went."""

    async def open_count(self, worker: str | None = None) -> int:
        """Jobs queued or running, of one worker or of all."""
