"""Repeats, on every store: one does the work, all get its result, and whoever lost a lease writes nothing."""

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

import pytest

from adapters.persistence.repeats import KEPT, LEASE, IdempotencyKeyReused
from application.identity.views import UserView
from application.shared.unit_of_work import Operation, Repeat, RepeatLost, Replayed, Work, repeatable
from domain.identity.users import User
from domain.shared.actor import Actor, system_actor
from domain.shared.errors import Unavailable
from tests.stores import Store

ME = system_actor("test")


def repeat(fingerprint: str = "f", key: str = "k") -> Repeat:
    return Repeat(key=key, principal="user:1", route="POST /users", fingerprint=fingerprint)


class Oracle:
    """A service that asks somebody outside, who may be slow, refuse or fall over."""

    def __init__(self, store: Store) -> None:
        self._work: Work[Any] = store.work
        self._clock = store.clock
        self.asked = 0
        self.asking, self.may_answer = asyncio.Event(), asyncio.Event()

    @repeatable
    async def ask(self, actor: Actor, name: str, *, repeat: Repeat | None = None) -> UserView:
        async with self._work(Operation("oracle.ask", actor, repeat, outside=True)) as uow:
            self.asked += 1
            number = self.asked
            self.asking.set()
            await self.may_answer.wait()
            if name == "silent":
                raise Unavailable()
            user = User.register(name=name, email=f"u{number}@example.com", at=self._clock.now())
            uow.users.add(user)
            return await uow.commit(UserView.of(user))


async def users(store: Store) -> int:
    return len([entry for entry in await store.entries() if entry.target_type == "user"])


async def test_a_repeat_gives_the_first_result(store: Store) -> None:
    user = a_user(store)
    async with store.operation("user.create", repeat()) as uow:
        uow.users.add(user)
        first = await uow.commit(UserView.of(user))
    with pytest.raises(Replayed) as signal:
        async with store.operation("user.create", repeat()):
            raise AssertionError("the operation must not open")
    assert store.work.decode(signal.value.result, UserView) == first
    assert await store.work.recorded(repeat(key="other")) is None
    assert await store.work.recorded(replace(repeat(), principal="user:2")) is None


async def test_a_key_with_other_content_is_refused(store: Store) -> None:
    async with store.operation("a", repeat()) as uow:
        await uow.commit(None)
    with pytest.raises(IdempotencyKeyReused):
        await store.work.recorded(repeat("g"))


async def test_a_record_is_forgotten_after_a_day(store: Store) -> None:
    async with store.operation("a", repeat()) as uow:
        await uow.commit(None)
    store.clock.forward(hours=25)
    assert await store.work.recorded(repeat()) is None
    async with store.operation("a", repeat("g")) as uow:
        await uow.commit(None)
    assert await store.work.recorded(repeat("g")) is not None


async def test_of_concurrent_repeats_one_is_written(store: Store) -> None:
    all_open = asyncio.Barrier(6)

    async def create(n: int) -> bool:
        async with store.operation("user.create", repeat()) as uow:
            uow.users.add(a_user(store, f"u{n}@example.com"))
            await all_open.wait()
            try:
                await uow.commit(None)
            except RepeatLost:
                return False
            return True

    assert sum(await asyncio.gather(*(create(n) for n in range(6)))) == 1
    assert len(await store.entries()) == 1


async def test_the_key_and_the_result_are_not_kept_readable(store: Store) -> None:
    row = store.work.records.record(repeat(key="my-key"), None, store.clock.now()).row
    assert row["key_hash"] == hashlib.sha256(b"my-key").hexdigest()
    assert "my-key" not in repr(row)


async def test_while_one_works_outside_an_equal_request_waits_and_another_content_is_refused(store: Store) -> None:
    oracle = Oracle(store)
    first = asyncio.create_task(oracle.ask(ME, "Ada", repeat=repeat()))
    await oracle.asking.wait()
    with pytest.raises(RepeatLost) as told:
        await oracle.ask(ME, "Ada", repeat=repeat())
    assert (told.value.code, told.value.retry_after) == ("idempotency_in_progress", 2.0)
    with pytest.raises(IdempotencyKeyReused):
        await oracle.ask(ME, "Eve", repeat=repeat("other"))
    oracle.may_answer.set()
    view, again = await first, repeat()
    assert await oracle.ask(ME, "Ada", repeat=again) == view
    assert (again.replayed, oracle.asked, await users(store)) == (True, 1, 1)


async def test_of_many_at_once_one_asks(store: Store) -> None:
    oracle = Oracle(store)
    oracle.may_answer.set()
    keys = [repeat() for _ in range(12)]
    answers = await asyncio.gather(*(oracle.ask(ME, "Ada", repeat=key) for key in keys), return_exceptions=True)
    given = [answer for answer in answers if isinstance(answer, UserView)]
    assert all(isinstance(answer, (UserView, RepeatLost)) for answer in answers)
    assert len({view.id for view in given}) == oracle.asked == await users(store) == 1
    assert sum(not key.replayed for key, answer in zip(keys, answers, strict=True) if answer in given) == 1


async def test_a_refusal_gives_the_lease_back(store: Store) -> None:
    oracle = Oracle(store)
    oracle.may_answer.set()
    for _ in range(2):
        with pytest.raises(Unavailable):
            await oracle.ask(ME, "silent", repeat=repeat())
    assert await oracle.ask(ME, "Ada", repeat=repeat("other"))
    assert oracle.asked == 3


async def test_one_that_is_cancelled_gives_the_lease_back(store: Store) -> None:
    oracle = Oracle(store)
    first = asyncio.create_task(oracle.ask(ME, "Ada", repeat=repeat()))
    await oracle.asking.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    oracle.may_answer.set()
    assert await oracle.ask(ME, "Ada", repeat=repeat())


async def test_the_lease_of_a_crashed_one_runs_out(store: Store) -> None:
    crashed = store.work.records.lease(repeat(), store.clock.now())
    await store.work.put_repeat(crashed)
    oracle = Oracle(store)
    oracle.may_answer.set()
    store.clock.forward(seconds=LEASE.total_seconds() - 1)
    with pytest.raises(RepeatLost):
        await oracle.ask(ME, "Ada", repeat=repeat())
    store.clock.forward(seconds=1)
    assert await oracle.ask(ME, "Ada", repeat=repeat())


async def test_one_whose_lease_was_lost_gets_the_result_of_the_next(store: Store) -> None:
    slow, quick = Oracle(store), Oracle(store)
    quick.asked = 10
    first = asyncio.create_task(slow.ask(ME, "Ada", repeat=repeat()))
    await slow.asking.wait()
    store.clock.forward(seconds=LEASE.total_seconds() + 1)
    quick.may_answer.set()
    winner = await quick.ask(ME, "Ada", repeat=repeat())
    slow.may_answer.set()
    assert await first == winner
    assert await users(store) == 1


async def test_one_whose_lease_was_lost_writes_nothing_while_the_next_is_at_work(store: Store) -> None:
    slow, quick = Oracle(store), Oracle(store)
    quick.asked = 10
    first = asyncio.create_task(slow.ask(ME, "Ada", repeat=repeat()))
    await slow.asking.wait()
    store.clock.forward(seconds=LEASE.total_seconds() + 1)
    second = asyncio.create_task(quick.ask(ME, "Ada", repeat=repeat()))
    await quick.asking.wait()
    slow.may_answer.set()
    with pytest.raises(RepeatLost):
        await first
    quick.may_answer.set()
    assert (await second).email == "u11@example.com"
    assert await users(store) == 1


async def test_a_late_holder_whom_nobody_followed_is_heard(store: Store) -> None:
    oracle = Oracle(store)
    first = asyncio.create_task(oracle.ask(ME, "Ada", repeat=repeat()))
    await oracle.asking.wait()
    store.clock.forward(seconds=LEASE.total_seconds() + 1)
    await store.work.forget_repeats(10)
    oracle.may_answer.set()
    assert await store.work.recorded(repeat()) is None
    view = await first
    assert await oracle.ask(ME, "Ada", repeat=repeat()) == view


async def test_what_has_run_out_is_removed_in_bounded_passes(store: Store) -> None:
    for n in range(5):
        async with store.operation("a", repeat(key=f"old{n}")) as uow:
            await uow.commit(None)
    await store.work.put_repeat(store.work.records.lease(repeat(key="crashed"), store.clock.now()))
    store.clock.forward(hours=KEPT.total_seconds() / 3600)
    async with store.operation("a", repeat(key="new")) as uow:
        await uow.commit(None)
    await store.work.put_repeat(store.work.records.lease(repeat(key="at work"), store.clock.now()))
    assert [await store.work.forget_repeats(4) for _ in range(3)] == [4, 2, 0]
    assert await store.work.recorded(repeat(key="new")) is not None
    with pytest.raises(RepeatLost):
        await store.work.put_repeat(store.work.records.lease(repeat(key="at work"), store.clock.now()))


def a_user(store: Store, email: str = "ada@example.com") -> User:
    return User.register(name="Ada", email=email, at=store.clock.now())
