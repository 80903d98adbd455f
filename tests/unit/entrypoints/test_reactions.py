"""Reactions follow in order, past whatever fails; the duty is one process's, and operators have the last word."""

from collections.abc import Awaitable, Callable

import pytest
from prometheus_client import REGISTRY

from adapters.telemetry.journal import show_journal
from adapters.telemetry.logging import request_id
from application.operations.journal import JournalService
from application.shared.journal import ATTEMPTS_MAX, JOURNAL_LEASE, JournalEntry, JournalEvent, Reaction
from domain.identity.users import User, UserChanged, UserCreated
from domain.shared.actor import Actor, ActorType, system_actor
from domain.shared.errors import FastOpsError, Forbidden, NotFound, StorageFull, Unavailable
from domain.shared.values import new_id
from entrypoints.worker import reactions as module
from entrypoints.worker.journal import JournalDuty, JournalParts, keep_once
from entrypoints.worker.news import JournalNews
from entrypoints.worker.reactions import ReactionFollower
from tests.stores import Store, memory_store

Handle = Callable[[JournalEntry, JournalEvent], Awaitable[None]]
OPERATOR = system_actor("operator")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(module, "RETRY_EVERY", 0.0)
    monkeypatch.setattr(module, "POSITION_KEPT_AFTER", 0.0)
    return memory_store()


async def users(store: Store, *names: str) -> list[User]:
    made = [User.register(name=name, email=f"{name}@example.com", at=store.clock.now()) for name in names]
    for user in made:
        await store.given(user)
    return made


async def renamed(store: Store, user: User, name: str) -> None:
    async with store.operation("user.rename") as uow:
        (await uow.users.get(user.id)).rename(name, store.clock.now())
        await uow.commit(None)


def follower(store: Store, handle: Handle, holder: str = "me") -> ReactionFollower:
    parts = JournalParts(store.journal, store.keeper, store.positions, store.set_asides, store.clock)
    reaction = Reaction("test", frozenset({UserCreated.name, UserChanged.name}), handle)
    return ReactionFollower(
        reaction, parts, JournalDuty(store.leases, holder), JournalNews(store.journal, reaction.events, fresh=0)
    )


def operators(store: Store) -> JournalService:
    return JournalService(store.overview, store.set_asides, store.clock, ["test", "idle"])


class Handler:
    """Notes what it handles; refuses the positions in `poison`."""

    def __init__(self, *poison: int) -> None:
        self.poison, self.seen, self.tried = set(poison), list[int](), list[int]()
        self.down: FastOpsError | None = None

    async def __call__(self, entry: JournalEntry, _event: JournalEvent) -> None:
        self.tried.append(entry.position)
        if self.down:
            raise self.down
        if entry.position in self.poison:
            raise ValueError("poison")
        self.seen.append(entry.position)


async def test_each_entry_is_handled_once_in_order_with_its_request_id(store: Store) -> None:
    seen: list[tuple[int, str | None]] = []

    async def handle(entry: JournalEntry, _event: JournalEvent) -> None:
        seen.append((entry.position, request_id.get()))

    await users(store, "ada", "eve")
    following = follower(store, handle)
    await following.step()
    await users(store, "bob")
    await following.step()
    assert seen == [(1, "-"), (2, "-"), (3, "-")]


async def test_another_process_goes_on_where_the_first_one_stopped(store: Store) -> None:
    first, second = Handler(), Handler()
    await users(store, "ada", "eve")
    await follower(store, first, "first").step()
    await store.leases.release(JOURNAL_LEASE, "first")
    await users(store, "bob")
    await follower(store, second, "second").step()
    assert (first.seen, second.seen) == ([1, 2], [3])


async def test_only_the_holder_of_the_lease_reacts(store: Store) -> None:
    handler = Handler()
    await users(store, "ada")
    await store.leases.hold(JOURNAL_LEASE, "other", 60)
    await follower(store, handler).step()
    assert handler.tried == []


async def test_a_failing_entry_holds_up_nothing_but_its_own_target(store: Store) -> None:
    handler = Handler(1)
    ada, eve = await users(store, "ada", "eve")
    await renamed(store, ada, "Ada L.")
    await renamed(store, eve, "Eve K.")
    following = follower(store, handler)
    await following.step()
    assert handler.seen == [2, 4]
    handler.poison.clear()
    store.clock.forward(seconds=60)
    while await following.step():
        pass
    assert handler.seen == [2, 4, 1, 3]
    await renamed(store, ada, "Ada")
    await following.step()
    assert handler.seen[-1] == 5
    assert not store.database.set_aside


async def test_poison_is_tried_so_often_and_then_waits_for_an_operator(store: Store) -> None:
    handler = Handler(1)
    (ada,) = await users(store, "ada")
    await renamed(store, ada, "Ada L.")
    following = follower(store, handler)
    for _ in range(3 * ATTEMPTS_MAX):
        await following.step()
        store.clock.forward(minutes=5)
    assert handler.tried == [1] * ATTEMPTS_MAX
    (item,) = await operators(store).poison(OPERATOR)
    assert (item.follower, item.position, item.target_id, item.error) == ("test", 1, str(ada.id), "ValueError")
    state = await operators(store).status(OPERATOR)
    assert [(one.name, one.position, one.waiting, one.poison) for one in state.followers] == [
        ("idle", 0, 0, 0),
        ("test", 2, 1, 1),
    ]
    handler.poison.clear()
    assert await operators(store).retry(OPERATOR, "test", 1) == 1
    while await following.step():
        pass
    assert handler.seen == [1, 2]
    with pytest.raises(NotFound):
        await operators(store).retry(OPERATOR)


async def test_poison_can_be_given_up_so_that_its_target_goes_on(store: Store) -> None:
    handler = Handler(1)
    (ada,) = await users(store, "ada")
    await renamed(store, ada, "Ada L.")
    following = follower(store, handler)
    for _ in range(ATTEMPTS_MAX):
        await following.step()
        store.clock.forward(minutes=5)
    with pytest.raises(NotFound):
        await operators(store).skip(OPERATOR, "test", 2)
    await operators(store).skip(OPERATOR, "test", 1)
    await following.step()
    assert handler.seen == [2]


async def test_what_was_set_aside_is_found_again_by_the_next_process(store: Store) -> None:
    handler = Handler(1)
    (ada,) = await users(store, "ada")
    await follower(store, handler, "first").step()
    await store.leases.release(JOURNAL_LEASE, "first")
    await renamed(store, ada, "Ada L.")
    second = follower(store, handler, "second")
    await second.step()
    assert handler.seen == []
    handler.poison.clear()
    store.clock.forward(minutes=1)
    while await second.step():
        pass
    assert handler.seen == [1, 2]


@pytest.mark.parametrize("error", [Unavailable(), StorageFull()])
async def test_a_part_that_is_down_is_waited_for_without_end(store: Store, error: FastOpsError) -> None:
    handler = Handler()
    handler.down = error
    await users(store, "ada")
    following = follower(store, handler)
    for _ in range(3 * ATTEMPTS_MAX):
        with pytest.raises(type(error)):
            await following.step()
    handler.down = None
    await following.step()
    assert handler.seen == [1]
    assert not store.database.set_aside


async def test_the_position_is_kept_where_nothing_concerns_the_reaction(store: Store) -> None:
    user, *_ = await users(store, "ada")
    async with store.operation("user.disable") as uow:
        (await uow.users.get(user.id)).disable(store.clock.now())
        await uow.commit(None)
    await follower(store, Handler()).step()
    assert await store.positions.read("reaction:test") == 2


async def test_only_operators_see_and_decide(store: Store) -> None:
    somebody = Actor(type=ActorType.USER, user_id=new_id())
    for verb in (operators(store).status, operators(store).poison, operators(store).retry):
        with pytest.raises(Forbidden):
            await verb(somebody)
    with pytest.raises(Forbidden):
        await operators(store).skip(somebody, "test", 1)


async def test_the_figures_of_the_journal_are_shown(store: Store) -> None:
    await users(store, "ada", "eve")
    await follower(store, Handler(2)).step()
    show_journal(await store.overview.state())

    def figure(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(f"fastops_journal_{name}", labels)

    assert (figure("unnumbered_entries"), figure("unsealed_entries")) == (0, 2)
    assert figure("reaction_lag_entries", reaction="test") == 0
    assert (figure("waiting_entries", reaction="test"), figure("poison_entries", reaction="test")) == (1, 0)


async def test_a_command_seals_what_it_did_when_no_service_runs(store: Store) -> None:
    await users(store, "ada")
    await keep_once(JournalDuty(store.leases, "cli"), store.keeper)
    assert store.database.seals[-1].last_position == 1
    assert await store.leases.hold(JOURNAL_LEASE, "service", 5)


async def test_whoever_lost_the_duty_stops_at_once(store: Store) -> None:
    duty = JournalDuty(store.leases, "paused")
    assert await duty.is_mine()
    store.clock.forward(seconds=6)
    await store.leases.hold(JOURNAL_LEASE, "other", 60)
    await users(store, "ada")
    assert await duty.carry_out(store.keeper.seal) == 0
    assert not await duty.is_mine()
