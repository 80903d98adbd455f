"""Claims on jobs, lists of jobs, and leases."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from adapters.persistence import listings
from adapters.persistence.desk import ticket_of
from adapters.persistence.mapping.operations import JOBS
from adapters.persistence.sqlalchemy.engine import Database, execute
from adapters.persistence.sqlalchemy.replicas import Freshness
from adapters.persistence.sqlalchemy.rows import aggregate_rows, page_rows
from adapters.persistence.sqlalchemy.tables.operations import jobs, leases
from adapters.persistence.tracking import Row
from application.operations.ports import JobView
from application.shared.jobs import JobTicket
from application.shared.ports import Clock
from domain.operations.jobs import LEASE, JobStatus
from domain.shared.actor import Actor
from domain.shared.values import Instant, ListQuery, Page

_OPEN = [JobStatus.QUEUED.value, JobStatus.RUNNING.value]


class SqlJobQueue:
    """A claim moves the version, so a worker that lost its lease cannot write any more."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, worker: str, kinds: Sequence[str], limit: int, now: Instant) -> Sequence[JobTicket]:
        def call(connection: Connection) -> list[JobTicket]:
            wanted = select(jobs).where(_claimable(kinds, now)).order_by(jobs.c.created_at, jobs.c.id)
            rows = aggregate_rows(connection, JOBS, wanted.limit(limit).with_for_update(skip_locked=True))
            tickets = []
            for row in rows:
                job = JOBS.from_row(row)
                job.claim(worker, now)
                values: Row = {"status": job.status.value, "worker": worker, "lease_until": job.lease_until}
                values |= {"attempts": job.attempts, "version": job.version, "updated_at": now}
                connection.execute(update(jobs).where(jobs.c.id == job.id).values(values))
                tickets.append(ticket_of(job, job.version))
            return tickets

        return await self._database.write(call)

    async def due(self, kinds: Sequence[str], now: Instant) -> bool:
        statement = select(jobs.c.id).where(_claimable(kinds, now)).limit(1)
        return await self._database.read(lambda connection: connection.execute(statement).first() is not None)

    async def let_go(self, worker: str) -> int:
        held = and_(jobs.c.status == JobStatus.RUNNING.value, jobs.c.worker == worker)
        free: Row = {"status": JobStatus.QUEUED.value, "worker": None, "lease_until": None}
        statement = update(jobs).where(held).values(free | {"version": jobs.c.version + 1})
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)

    async def prolong(self, tickets: Sequence[JobTicket], now: Instant) -> None:
        def call(connection: Connection) -> None:
            for ticket in tickets:
                mine = and_(jobs.c.id == ticket.id, jobs.c.version == ticket.version)
                connection.execute(update(jobs).where(mine).values(lease_until=now + LEASE))

        await self._database.write(call)

    async def progress(self, ticket: JobTicket, done: int, total: int) -> None:
        mine = and_(jobs.c.id == ticket.id, jobs.c.version == ticket.version)
        statement = update(jobs).where(mine).values(done=done, total=total)
        await execute(self._database, statement)

    async def forget(self, kinds: Sequence[str], before: Instant, limit: int) -> int:
        over = and_(jobs.c.kind.in_(kinds), jobs.c.status.not_in(_OPEN), jobs.c.updated_at < before)

        def call(connection: Connection) -> int:
            ids = list(connection.execute(select(jobs.c.id).where(over).limit(limit)).scalars())
            return connection.execute(delete(jobs).where(jobs.c.id.in_(ids), over)).rowcount

        return await self._database.write(call)

    async def open_count(self, worker: str | None = None) -> int:
        statement = select(func.count()).select_from(jobs).where(jobs.c.status.in_(_OPEN))
        if worker is not None:
            statement = statement.where(jobs.c.worker == worker)
        return await self._database.read(lambda connection: connection.execute(statement).scalar_one())


def _claimable(kinds: Sequence[str], now: Instant) -> ColumnElement[bool]:
    due = and_(jobs.c.status == JobStatus.QUEUED.value, or_(jobs.c.run_after.is_(None), jobs.c.run_after <= now))
    lost = and_(jobs.c.status == JobStatus.RUNNING.value, jobs.c.lease_until < now)
    return and_(jobs.c.kind.in_(kinds), or_(due, lost))


class SqlJobLists:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def jobs(self, actor: Actor, query: ListQuery) -> Page[JobView]:
        mine = [] if actor.every_collection else [jobs.c.owner_id == actor.user_id]
        rows, after = await self._database.read(
            lambda connection: page_rows(connection, listings.JOBS, query, *mine), Freshness.SEEN
        )
        return Page([JobView.of(JOBS.from_row(dict(row._mapping))) for row in rows], after)


class SqlLeases:
    """Named leases; of two processes that reach for one at once, the database lets one have it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def hold(self, name: str, holder: str, seconds: float) -> bool:
        now = self._clock.now()
        until = now + timedelta(seconds=seconds)

        def call(connection: Connection) -> bool:
            mine = and_(leases.c.name == name, or_(leases.c.holder == holder, leases.c.until < now))
            if connection.execute(update(leases).where(mine).values(holder=holder, until=until)).rowcount:
                return True
            if connection.execute(select(leases.c.name).where(leases.c.name == name)).first():
                return False
            try:
                with connection.begin_nested():
                    connection.execute(insert(leases).values(name=name, holder=holder, until=until))
            except IntegrityError:
                return False
            return True

        return await self._database.write(call)

    async def release(self, name: str, holder: str) -> None:
        statement = delete(leases).where(leases.c.name == name, leases.c.holder == holder)
        await execute(self._database, statement)
