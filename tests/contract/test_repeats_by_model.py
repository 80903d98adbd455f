"""Any interleaving of repeated requests, refusals, crashes and waits does what a model of twenty lines says."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from adapters.persistence.repeats import KEPT, LEASE, IdempotencyKeyReused
from application.shared.unit_of_work import Operation, Repeat, RepeatLost, repeatable
from domain.identity.users import User
from domain.shared.actor import Actor, system_actor
from domain.shared.errors import FastOpsError, WrongState
from tests.stores import memory_store

ROUTES = {"plain": False, "outside": True}
routes, keys, contents = st.sampled_from(sorted(ROUTES)), st.sampled_from("ab"), st.sampled_from("xy")


@dataclass(eq=False)
class Request:
    """One request on its way. It waits at `gate` after it has begun, and ends as `outcome` says."""

    place: tuple[str, str]
    content: str
    number: int
    repeat: Repeat
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    refuses: bool = False
    task: asyncio.Task[int] | None = None


@dataclass
class Kept:
    """What the model holds for a key: who works on it, or the result of whoever was first."""

    content: str
    until: datetime
    holder: Request | None = None
    result: int | None = None


class Worker:
    """A service whose work is a number that nobody else has."""

    def __init__(self, work: Any) -> None:
        self._work = work

    @repeatable
    async def do(self, actor: Actor, request: Request, at: datetime, *, repeat: Repeat | None) -> int:
        async with self._work(Operation("work", actor, repeat, outside=ROUTES[request.place[0]])) as uow:
            await request.gate.wait()
            if request.refuses:
                raise WrongState()
            uow.users.add(User.register(name="N", email=f"u{request.number}@example.com", at=at))
            return await uow.commit(request.number)  # type: ignore[no-any-return]


class Repeats(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = memory_store()
        self.worker = Worker(self.store.work)
        self.kept: dict[tuple[str, str], Kept] = {}
        self.open: list[Request] = []
        self.numbers = self.done = 0

    def teardown(self) -> None:
        tasks = [request.task for request in self.open if request.task is not None]
        for task in tasks:
            task.cancel()
        self.run(asyncio.wait(tasks) if tasks else asyncio.sleep(0))
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def live(self, place: tuple[str, str]) -> Kept | None:
        found = self.kept.get(place)
        return found if found is not None and found.until > self.store.clock.now() else None

    def expected(self, request: Request) -> int | type[FastOpsError] | None:
        """What an equal or other request gets from what is there; None where it may do the work itself."""
        found = self.live(request.place)
        if found is None or found.holder is request:
            return None
        if found.content != request.content:
            return IdempotencyKeyReused
        return RepeatLost if found.result is None else found.result

    @rule(route=routes, key=keys, content=contents)
    def send(self, route: str, key: str, content: str) -> None:
        self.numbers += 1
        repeat = Repeat(key=key, principal="user:1", route=route, fingerprint=content)
        request = Request((route, key), content, self.numbers, repeat)
        expected = self.expected(request)
        request.task = self.loop.create_task(
            self.worker.do(system_actor("test"), request, self.store.clock.now(), repeat=repeat)
        )
        self.settle()
        if expected is None:
            assert not request.task.done()
            self.open.append(request)
            if ROUTES[route]:
                self.kept[request.place] = Kept(content, self.store.clock.now() + LEASE, holder=request)
        else:
            assert_ended(request, expected)

    @rule(which=st.integers(0), refuses=st.booleans())
    def end(self, which: int, refuses: bool) -> None:
        if not self.open:
            return
        request = self.open.pop(which % len(self.open))
        request.refuses, expected = refuses, self.expected(request)
        if refuses and expected in {None, RepeatLost}:
            expected = WrongState
        request.gate.set()
        self.settle()
        found = self.kept.get(request.place)
        if refuses and found is not None and found.holder is request:
            del self.kept[request.place]
        if expected is None:
            self.done += 1
            until = self.store.clock.now() + KEPT
            self.kept[request.place] = Kept(request.content, until, result=request.number)
            expected = request.number
        assert_ended(request, expected)
        assert request.repeat.replayed == (isinstance(expected, int) and expected != request.number)

    @rule(key=keys, content=contents)
    def crash(self, key: str, content: str) -> None:
        """Somebody begins and is never heard of again."""
        repeat = Repeat(key=key, principal="user:1", route="outside", fingerprint=content)
        request = Request(("outside", key), content, 0, repeat)
        if self.expected(request) is None:
            lease = self.store.work.records.lease(repeat, self.store.clock.now())
            self.run(self.store.work.put_repeat(lease))
            self.kept[request.place] = Kept(content, self.store.clock.now() + LEASE, holder=request)

    @rule(seconds=st.sampled_from([10, 45, 3600, 80_000]))
    def wait(self, seconds: int) -> None:
        self.store.clock.forward(seconds=seconds)

    @rule()
    def forget(self) -> None:
        self.run(self.store.work.forget_repeats(1))

    @invariant()
    def each_work_was_done_as_often_as_it_was_answered(self) -> None:
        assert len(self.store.database.tables["users"]) == self.done

    def settle(self) -> None:
        """Let every task run until it waits or has ended."""
        for _ in range(20):
            self.run(asyncio.sleep(0))


def assert_ended(request: Request, expected: int | type[FastOpsError]) -> None:
    assert request.task is not None
    assert request.task.done()
    if isinstance(expected, int):
        assert request.task.result() == expected
    else:
        assert type(request.task.exception()) is expected


TestRepeats = Repeats.TestCase
TestRepeats.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
