"""Jobs as people see them: their own, to watch, stop and try again."""

import pytest

from application.operations.jobs import JobService
from application.shared.unit_of_work import Repeat
from domain.operations.jobs import Job
from domain.shared.actor import Actor, ActorType, Permission, system_actor
from domain.shared.errors import Forbidden, NotFound, WrongState
from domain.shared.values import ListQuery, new_id
from tests.stores import Store, memory_store


def person(*permissions: Permission) -> Actor:
    user_id = new_id()
    return Actor(type=ActorType.USER, id=str(user_id), user_id=user_id, permissions=frozenset(permissions))


@pytest.fixture
def store() -> Store:
    return memory_store()


@pytest.fixture
def jobs(store: Store) -> JobService:
    return JobService(store.work, store.job_lists, store.clock)


async def queued(store: Store, owner: Actor) -> Job:
    job = Job.queue(kind="ingest", subject_id=new_id(), owner_id=owner.user_id, at=store.clock.now())
    await store.given(job)
    return job


async def test_people_see_their_own_jobs(store: Store, jobs: JobService) -> None:
    ada, eve, admin = person(Permission.JOBS), person(Permission.JOBS), system_actor("cli")
    mine, other, nobodys = await queued(store, ada), await queued(store, eve), await queued(store, admin)
    assert (await jobs.get(ada, mine.id)).id == mine.id
    for job in (other, nobodys):
        with pytest.raises(NotFound):
            await jobs.get(ada, job.id)
    assert [view.id for view in (await jobs.page(ada, ListQuery())).items] == [mine.id]
    assert len((await jobs.page(admin, ListQuery())).items) == 3
    assert (await jobs.get(admin, other.id)).status == "queued"


async def test_a_job_is_stopped_once_and_tried_again_after(store: Store, jobs: JobService) -> None:
    ada = person(Permission.JOBS)
    job = await queued(store, ada)
    with pytest.raises(WrongState):
        await jobs.retry(ada, job.id)
    stopped = await jobs.cancel(ada, job.id)
    assert (stopped.status, stopped.version) == ("cancelled", 2)
    with pytest.raises(WrongState):
        await jobs.cancel(ada, job.id)
    again = await jobs.retry(ada, job.id)
    assert (again.status, again.attempts, again.version) == ("queued", 0, 3)


async def test_a_repeated_stop_gives_the_first_answer(store: Store, jobs: JobService) -> None:
    ada = person(Permission.JOBS)
    job = await queued(store, ada)
    repeats = [Repeat("key-1", str(ada.user_id), "POST /jobs/cancel", "print") for _ in range(2)]
    first, second = [await jobs.cancel(ada, job.id, repeat=repeat) for repeat in repeats]
    assert first == second


async def test_a_stranger_stops_nothing(store: Store, jobs: JobService) -> None:
    job = await queued(store, person(Permission.JOBS))
    with pytest.raises(NotFound):
        await jobs.cancel(person(Permission.JOBS), job.id)
    with pytest.raises(NotFound):
        await jobs.retry(person(Permission.JOBS), job.id)


async def test_jobs_need_their_permission(store: Store, jobs: JobService) -> None:
    nobody = person(Permission.SEARCH)
    job = await queued(store, nobody)
    with pytest.raises(Forbidden):
        await jobs.get(nobody, job.id)
    with pytest.raises(Forbidden):
        await jobs.page(nobody, ListQuery())
    with pytest.raises(Forbidden):
        await jobs.cancel(nobody, job.id)
    with pytest.raises(Forbidden):
        await jobs.retry(nobody, job.id)
