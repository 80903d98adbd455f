"""A running service forgets by itself: links that nobody used, and bytes that belong to no document."""

from dependency_injector.providers import Object

from application.identity.upkeep import LINKS_KEPT
from application.knowledge.orphans import AGE
from application.shared.unit_of_work import Operation
from domain.identity.one_time_tokens import LIFETIME, OneTimeToken, TokenPurpose
from entrypoints.wiring.lifecycle import Extent, running
from tests.contract.test_orphan_bytes import key_of
from tests.fakes import ManualClock
from tests.http.service import SYSTEM, memory_settings, quick_container
from tests.waiting import until


async def test_what_nobody_needs_any_more_goes_while_a_service_runs() -> None:
    container, clock = quick_container(memory_settings()), ManualClock()
    persistence = container.persistence
    persistence.clock.override(Object(clock))
    database = persistence.in_memory()
    await persistence.blobs().put(key_of(clock.now()), b"x")
    link = OneTimeToken.issue(
        subject="s", purpose=TokenPurpose.REGISTER, user_id=None, secret_hash=b"h", content=b"c", at=clock.now()
    )
    async with persistence.store()(Operation("given", SYSTEM, None)) as uow:
        uow.one_time_tokens.add(link)
        await uow.commit(None)
    clock.forward(seconds=(LIFETIME + LINKS_KEPT + AGE).total_seconds())
    assert database.blobs
    assert list(database.rows("one_time_tokens"))
    async with running(container, Extent.SERVICE):
        await until(lambda: not database.blobs and not list(database.rows("one_time_tokens")))
