"""Claims on jobs that their worker cannot end any more, on every store."""

from domain.operations.jobs import Job
from domain.shared.values import new_id
from tests.stores import Store


async def test_claims_of_a_worker_that_is_gone_are_free_at_once(store: Store) -> None:
    at = store.clock.now()
    await store.given(*(Job.queue(kind="ingest", subject_id=new_id(), owner_id=None, at=at) for _ in range(2)))
    lost = await store.job_queue.claim("killed", ["ingest"], 10, store.clock.now())
    assert not await store.job_queue.due(["ingest"], store.clock.now())

    assert await store.job_queue.let_go("killed") == 2

    assert await store.job_queue.due(["ingest"], store.clock.now())
    again = await store.job_queue.claim("next", ["ingest"], 10, store.clock.now())
    assert {ticket.id for ticket in again} == {ticket.id for ticket in lost}
    assert all(ticket.version > lost[0].version for ticket in again)


async def test_claims_of_others_and_other_kinds_are_left_alone(store: Store) -> None:
    at = store.clock.now()
    await store.given(*(Job.queue(kind=kind, subject_id=new_id(), owner_id=None, at=at) for kind in ("ingest", "x")))
    await store.job_queue.claim("living", ["ingest"], 10, store.clock.now())
    assert await store.job_queue.let_go("killed") == 0
    assert not await store.job_queue.due(["ingest"], store.clock.now())
    assert await store.job_queue.due(["x"], store.clock.now())
