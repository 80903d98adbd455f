"""Jobs, leases and blobs, on every store."""

import asyncio

import pytest

from domain.operations.jobs import LEASE, JobStatus
from domain.shared.actor import Actor, ActorType, system_actor
from domain.shared.errors import NotFound, StaleVersion
from domain.shared.values import ListQuery, new_id
from tests.stores import Store


async def queued(store: Store, count: int) -> None:
    async with store.operation("queue") as uow:
        for _ in range(count):
            uow.jobs.queue("ingest", new_id(), None)
        await uow.commit(None)


async def test_each_job_is_claimed_once(store: Store) -> None:
    await queued(store, 6)
    now = store.clock.now()
    claims = await asyncio.gather(*(store.job_queue.claim(f"w{n}", ["ingest"], 2, now) for n in range(5)))
    ids = [ticket.id for tickets in claims for ticket in tickets]
    rest = await store.job_queue.claim("w", ["ingest"], 10, store.clock.now())
    ids += [ticket.id for ticket in rest]
    assert len(ids) == len(set(ids)) == 6
    assert await store.job_queue.claim("w", ["other"], 10, store.clock.now()) == []


async def test_a_lost_lease_is_taken_over_and_the_loser_cannot_write(store: Store) -> None:
    await queued(store, 1)
    (lost,) = await store.job_queue.claim("slow", ["ingest"], 1, store.clock.now())
    store.clock.forward(seconds=LEASE.total_seconds() + 1)
    (taken,) = await store.job_queue.claim("quick", ["ingest"], 1, store.clock.now())
    assert (taken.id, taken.attempts) == (lost.id, 2)
    async with store.operation("document.ingest") as uow:
        with pytest.raises(StaleVersion):
            await uow.jobs.succeed(lost, 3)
    async with store.operation("document.ingest") as uow:
        await uow.jobs.succeed(taken, 3)
        await uow.commit(None)
    job = await store.stored("job_rows", taken.id)
    assert (job.status, job.done) == (JobStatus.SUCCEEDED, 3)
    assert await store.job_queue.claim("w", ["ingest"], 1, store.clock.now()) == []


async def test_a_lease_that_is_prolonged_is_kept(store: Store) -> None:
    await queued(store, 1)
    tickets = await store.job_queue.claim("w", ["ingest"], 1, store.clock.now())
    store.clock.forward(seconds=LEASE.total_seconds() - 1)
    await store.job_queue.prolong(tickets, store.clock.now())
    store.clock.forward(seconds=2)
    assert await store.job_queue.claim("other", ["ingest"], 1, store.clock.now()) == []


async def test_progress_moves_no_version_and_retries_wait(store: Store) -> None:
    await queued(store, 1)
    (ticket,) = await store.job_queue.claim("w", ["ingest"], 1, store.clock.now())
    await store.job_queue.progress(ticket, 5, 9)
    job = await store.stored("job_rows", ticket.id)
    assert (job.version, job.done, job.total) == (ticket.version, 5, 9)
    async with store.operation("document.ingest") as uow:
        await uow.jobs.retry_later(ticket, "unavailable", "the embedder is down")
        await uow.commit(None)
    assert await store.job_queue.claim("w", ["ingest"], 1, store.clock.now()) == []
    store.clock.forward(seconds=60)
    assert len(await store.job_queue.claim("w", ["ingest"], 1, store.clock.now())) == 1


async def test_jobs_can_begin_claimed_and_be_cancelled_with_their_subject(store: Store) -> None:
    subject = new_id()
    async with store.operation("submit") as uow:
        ticket = uow.jobs.queue("ingest", subject, None, worker="me")
        await uow.commit(None)
    assert (await store.stored("job_rows", ticket.id)).version == ticket.version
    assert await store.job_queue.claim("other", ["ingest"], 1, store.clock.now()) == []
    assert await store.job_queue.open_count("me") == await store.job_queue.open_count() == 1
    async with store.operation("delete") as uow:
        await uow.jobs.cancel_of(subject)
        await uow.commit(None)
    assert (await store.stored("job_rows", ticket.id)).status is JobStatus.CANCELLED
    assert await store.entries() == []


async def test_people_see_their_own_jobs(store: Store) -> None:
    me = new_id()
    async with store.operation("submit") as uow:
        uow.jobs.queue("ingest", new_id(), me)
        uow.jobs.queue("ingest", new_id(), new_id())
        await uow.commit(None)
    mine = await store.job_lists.jobs(Actor(type=ActorType.USER, user_id=me), ListQuery())
    assert [job.owner_id for job in mine.items] == [me]
    assert len((await store.job_lists.jobs(system_actor("test"), ListQuery())).items) == 2


async def test_a_lease_has_one_holder_until_it_runs_out(store: Store) -> None:
    held = await asyncio.gather(*(store.leases.hold("sealer", f"p{n}", 10) for n in range(4)))
    assert sum(held) == 1
    holder = f"p{held.index(True)}"
    assert await store.leases.hold("sealer", holder, 10)
    store.clock.forward(seconds=11)
    assert await store.leases.hold("sealer", "later", 10)
    await store.leases.release("sealer", holder)
    assert not await store.leases.hold("sealer", holder, 10)
    await store.leases.release("sealer", "later")
    assert await store.leases.hold("sealer", holder, 10)


async def test_bytes_come_back_in_parts_and_go_for_good(store: Store) -> None:
    content = bytes(range(256)) * 10_000
    await store.blobs.put("a", content)
    await store.blobs.put_many([("b", b""), ("c", b"c")])
    assert await store.blobs.read("a") == content
    assert await store.blobs.read("b") == b""
    parts = [part async for part in store.blobs.stream("a")]
    assert b"".join(parts) == content
    await store.blobs.delete("a")
    await store.blobs.delete("a")
    with pytest.raises(NotFound):
        await store.blobs.read("a")
