"""Claims, leases and blobs in memory."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta

from adapters.persistence.desk import ticket_of
from adapters.persistence.mapping.operations import JOBS
from adapters.persistence.memory.tables import MemoryDatabase
from adapters.persistence.tracking import Row
from application.shared.jobs import JobTicket
from application.shared.ports import Clock
from domain.operations.jobs import LEASE, JobStatus
from domain.shared.errors import NotFound
from domain.shared.values import Instant

_OPEN = {JobStatus.QUEUED.value, JobStatus.RUNNING.value}


class MemoryJobQueue:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def claim(self, worker: str, kinds: Sequence[str], limit: int, now: Instant) -> Sequence[JobTicket]:
        tickets: list[JobTicket] = []
        for row in self._database.rows("jobs"):
            if len(tickets) < limit and _claimable(row, kinds, now):
                job = JOBS.from_row(row)
                job.claim(worker, now)
                self._database.tables["jobs"][job.id] = JOBS.row(job)
                tickets.append(ticket_of(job, job.version))
        return tickets

    async def due(self, kinds: Sequence[str], now: Instant) -> bool:
        return any(_claimable(row, kinds, now) for row in self._database.rows("jobs"))

    async def let_go(self, worker: str) -> int:
        held = [
            row
            for row in self._database.tables["jobs"].values()
            if row["status"] == JobStatus.RUNNING.value and row["worker"] == worker
        ]
        for row in held:
            row["status"], row["worker"], row["lease_until"] = JobStatus.QUEUED.value, None, None
            row["version"] += 1
        return len(held)

    async def prolong(self, tickets: Sequence[JobTicket], now: Instant) -> None:
        for ticket in tickets:
            row = self._database.tables["jobs"].get(ticket.id)
            if row is not None and row["version"] == ticket.version:
                row["lease_until"] = now + LEASE

    async def progress(self, ticket: JobTicket, done: int, total: int) -> None:
        row = self._database.tables["jobs"].get(ticket.id)
        if row is not None and row["version"] == ticket.version:
            row["done"], row["total"] = done, total

    async def forget(self, kinds: Sequence[str], before: Instant, limit: int) -> int:
        old = [row["id"] for row in self._database.rows("jobs") if _over(row, kinds, before)][:limit]
        for one in old:
            del self._database.tables["jobs"][one]
        return len(old)

    async def open_count(self, worker: str | None = None) -> int:
        rows = [row for row in self._database.tables["jobs"].values() if row["status"] in _OPEN]
        return sum(worker in (None, row["worker"]) for row in rows)


def _claimable(row: Row, kinds: Sequence[str], now: Instant) -> bool:
    due = row["status"] == JobStatus.QUEUED.value and (row["run_after"] is None or row["run_after"] <= now)
    lost = row["status"] == JobStatus.RUNNING.value and row["lease_until"] < now
    return row["kind"] in kinds and (due or lost)


def _over(row: Row, kinds: Sequence[str], before: Instant) -> bool:
    return row["kind"] in kinds and row["status"] not in _OPEN and row["updated_at"] < before


class MemoryLeases:
    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def hold(self, name: str, holder: str, seconds: float) -> bool:
        now = self._clock.now()
        held = self._database.leases.get(name)
        if held is not None and held[0] != holder and held[1] >= now:
            return False
        self._database.leases[name] = (holder, now + timedelta(seconds=seconds))
        return True

    async def release(self, name: str, holder: str) -> None:
        if self._database.leases.get(name, ("", None))[0] == holder:
            del self._database.leases[name]


class MemoryBlobs:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def put(self, key: str, content: AsyncIterator[bytes] | bytes) -> None:
        data = content if isinstance(content, bytes) else b"".join([part async for part in content])
        self._database.blobs[key] = data

    async def put_many(self, blobs: Sequence[tuple[str, bytes]]) -> None:
        self._database.blobs.update(blobs)

    async def read(self, key: str) -> bytes:
        if key not in self._database.blobs:
            raise NotFound("content_not_found", "The original bytes of this document are gone.")
        return self._database.blobs[key]

    async def read_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        return {key: self._database.blobs[key] for key in keys if key in self._database.blobs}

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        yield await self.read(key)

    async def delete(self, key: str) -> None:
        self._database.blobs.pop(key, None)

    async def keys(self, after: str, before: str, limit: int) -> Sequence[str]:
        return sorted(key for key in self._database.blobs if after < key < before)[:limit]


class MemoryHeldBytes:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def held(self, keys: Sequence[str]) -> frozenset[str]:
        return frozenset(keys) & {row["blob_key"] for row in self._database.rows("documents")}
