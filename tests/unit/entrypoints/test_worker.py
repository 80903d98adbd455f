"""The loops behind the service: they outlive errors, and work is taken and held until it is done."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from application.knowledge.ingest_writer import IngestReport
from application.shared.jobs import JobTicket
from domain.operations.jobs import LEASE, Job, JobStatus
from domain.shared.values import new_id
from entrypoints.worker import jobs as jobs_module
from entrypoints.worker import supervisor as supervisor_module
from entrypoints.worker.jobs import SUSPICIOUS_ATTEMPTS, Claims, IngestWorker
from entrypoints.worker.supervisor import Loop, Supervisor
from tests.stores import Store, memory_store


@pytest.fixture
def store() -> Store:
    return memory_store()


class TestSupervisor:
    @pytest.mark.parametrize("failures", [2, 1100])
    async def test_a_step_that_fails_is_tried_again(self, monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
        monkeypatch.setattr(supervisor_module, "LONGEST_WAIT", 0.001)
        calls, done = 0, asyncio.Event()

        async def step() -> bool:
            nonlocal calls
            calls += 1
            if calls <= failures:
                raise RuntimeError("broken")
            done.set()
            return False

        supervisor = Supervisor()
        supervisor.start(Loop("test", step, 0.001))
        await asyncio.wait_for(done.wait(), 30)
        await supervisor.stop()

    async def test_one_loop_does_not_stop_another(self) -> None:
        done = asyncio.Event()

        async def broken() -> bool:
            raise ValueError("broken")

        async def works() -> bool:
            done.set()
            return False

        supervisor = Supervisor()
        supervisor.start(Loop("broken", broken, 0.001))
        await asyncio.sleep(0.01)
        supervisor.start(Loop("works", works, 0.001))
        await asyncio.wait_for(done.wait(), 10)
        await supervisor.stop()

    async def test_a_running_step_is_let_finish(self) -> None:
        began, finished = asyncio.Event(), False

        async def step() -> bool:
            nonlocal finished
            began.set()
            await asyncio.sleep(0.05)
            finished = True
            return False

        supervisor = Supervisor()
        supervisor.start(Loop("test", step, 60))
        await began.wait()
        await supervisor.stop()
        assert finished

    async def test_waiting_work_is_not_paused_for(self) -> None:
        left, done = 100, asyncio.Event()

        async def step() -> bool:
            nonlocal left
            left -= 1
            if not left:
                done.set()
            return left > 0

        supervisor = Supervisor()
        supervisor.start(Loop("test", step, 3600))
        await asyncio.wait_for(done.wait(), 10)
        await supervisor.stop()


class TestJobs:
    async def queued(self, store: Store, count: int) -> list[Job]:
        at = store.clock.now()
        made = [Job.queue(kind="ingest", subject_id=new_id(), owner_id=None, at=at) for _ in range(count)]
        await store.given(*made)
        return made

    def worker(self, store: Store, ingest: Any, name: str = "worker") -> IngestWorker:
        return IngestWorker(store.job_queue, store.clock, ingest, name)

    async def test_a_step_takes_what_is_queued_and_says_so(self, store: Store) -> None:
        taken: list[JobTicket] = []

        async def ingest(tickets: Sequence[JobTicket]) -> IngestReport:
            taken.extend(tickets)
            return IngestReport(ready=len(tickets))

        await self.queued(store, 3)
        worker = self.worker(store, ingest)
        assert await worker.step()
        assert len(taken) == 3
        assert not await worker.step()

    async def test_a_document_that_keeps_bringing_workers_down_is_taken_alone(self, store: Store) -> None:
        groups: list[int] = []

        async def ingest(tickets: Sequence[JobTicket]) -> IngestReport:
            groups.append(len(tickets))
            return IngestReport(ready=len(tickets))

        (suspect,) = await self.queued(store, 1)
        for _ in range(SUSPICIOUS_ATTEMPTS - 1):
            await store.job_queue.claim("crashing", ["ingest"], 1, store.clock.now())
            await store.job_queue.let_go("crashing")
        await self.queued(store, 2)
        await self.worker(store, ingest).step()
        assert sorted(groups) == [1, 2]
        assert (await store.stored("job_rows", suspect.id)).attempts == SUSPICIOUS_ATTEMPTS

    async def test_held_claims_outlive_their_first_lease(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(jobs_module, "PROLONG_EVERY", 0.001)
        (job,) = await self.queued(store, 1)
        tickets = await store.job_queue.claim("worker", ["ingest"], 1, store.clock.now())
        claims = Claims(store.job_queue, store.clock)
        claims.add(tickets)
        async with claims.held():
            store.clock.forward(seconds=LEASE.total_seconds() - 1)
            await asyncio.sleep(0.05)
            store.clock.forward(seconds=LEASE.total_seconds() - 1)
            assert not await store.job_queue.due(["ingest"], store.clock.now())
        assert (await store.stored("job_rows", job.id)).status is JobStatus.RUNNING
