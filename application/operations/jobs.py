"""Use cases on jobs as people see them: their own, and all of them for administrators."""

from uuid import UUID

from application.operations.ports import JobLists, JobView, OperationsWork
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Repeat, Work, repeatable
from domain.operations.jobs import Job
from domain.shared.actor import Actor, Permission
from domain.shared.errors import NotFound
from domain.shared.values import ListQuery, Page


class JobService:
    """A job belongs to whoever caused it; others do not find it."""

    def __init__(self, work: Work[OperationsWork], lists: JobLists, clock: Clock) -> None:
        self._work, self._lists, self._clock = work, lists, clock

    async def get(self, actor: Actor, job_id: UUID) -> JobView:
        """One job with its counted progress."""
        actor.require(Permission.JOBS)
        async with self._work(Operation("job.get", actor)) as uow:
            return JobView.of(await self._own(uow, actor, job_id))

    async def page(self, actor: Actor, query: ListQuery) -> Page[JobView]:
        """The actor's jobs."""
        actor.require(Permission.JOBS)
        return await self._lists.jobs(actor, query)

    @repeatable
    async def cancel(self, actor: Actor, job_id: UUID, *, repeat: Repeat | None = None) -> JobView:
        """Stop a job. A worker that is at it writes nothing any more. Raises WrongState when it has ended."""
        actor.require(Permission.JOBS)
        async with self._work(Operation("job.cancel", actor, repeat)) as uow:
            job = await self._own(uow, actor, job_id)
            job.cancel(self._clock.now())
            return await uow.commit(JobView.of(job))

    @repeatable
    async def retry(self, actor: Actor, job_id: UUID, *, repeat: Repeat | None = None) -> JobView:
        """Queue a failed or cancelled job again. Raises WrongState for others."""
        actor.require(Permission.JOBS)
        async with self._work(Operation("job.retry", actor, repeat)) as uow:
            job = await self._own(uow, actor, job_id)
            job.restart(self._clock.now())
            return await uow.commit(JobView.of(job))

    async def _own(self, uow: OperationsWork, actor: Actor, job_id: UUID) -> Job:
        job = await uow.job_rows.get(job_id)
        if not actor.every_collection and (actor.user_id is None or job.owner_id != actor.user_id):
            raise NotFound()
        return job
