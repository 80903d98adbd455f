"""Followers that share what is new miss nothing and meet nothing twice, however far apart they are."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from application.shared.journal import JournalEntry
from domain.identity.users import User, UserChanged, UserCreated
from entrypoints.worker import news as module
from entrypoints.worker.news import JournalNews
from tests.stores import Store, memory_store

EVENTS = {"created": frozenset({UserCreated.name}), "changed": frozenset({UserChanged.name})}


class Asked:
    """A journal that counts how often entries are asked for."""

    def __init__(self, store: Store) -> None:
        self._journal, self.times = store.journal, 0

    async def after(self, *args: Any, **kwargs: Any) -> Sequence[JournalEntry]:
        self.times += 1
        found: Sequence[JournalEntry] = await self._journal.after(*args, **kwargs)
        return found

    async def head(self) -> int:
        head: int = await self._journal.head()
        return head


class Writer:
    """Entries of two kinds, and which positions they have."""

    def __init__(self, store: Store) -> None:
        self._store, self.position = store, 0
        self.told: dict[str, list[int]] = {name: [] for name in EVENTS}
        self._user: User | None = None

    async def write(self, kind: str) -> None:
        at = self._store.clock.now()
        self.position += 1
        if self._user is None or kind == "created":
            kind, name = "created", f"u{self.position}"
            self._user = User.register(name=name, email=f"{name}@example.com", at=at)
            await self._store.given(self._user)
        else:
            async with self._store.operation("rename") as uow:
                (await uow.users.get(self._user.id)).rename(f"n{self.position}", at)
                await uow.commit(None)
        self.told[kind].append(self.position)


STEPS = st.lists(st.sampled_from(["created", "changed", "read 0", "read 1", "read 2", "restart 2"]), max_size=40)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, most=st.integers(1, 4), stretch=st.integers(1, 5))
async def test_each_follower_meets_its_own_entries_once_in_order(steps: list[str], most: int, stretch: int) -> None:
    store = memory_store()
    writer, news = Writer(store), JournalNews(store.journal, frozenset().union(*EVENTS.values()), fresh=0)
    follows = ["created", "changed", "changed"]
    positions, met = [0, 0, 0], [list[int](), list[int](), list[int]()]

    async def read(number: int) -> bool:
        part = await news.after(positions[number], EVENTS[follows[number]])
        assert part.end >= positions[number]
        met[number].extend(entry.position for entry in part.entries)
        positions[number] = part.end
        return part.end < await news.head()

    limits = module.ENTRIES_MAX, module.STRETCH_MAX
    module.ENTRIES_MAX, module.STRETCH_MAX = most, stretch
    try:
        for step in steps:
            verb, _, number = step.partition(" ")
            if verb == "read":
                await read(int(number))
            elif verb == "restart":
                positions[2], met[2] = 0, []
            else:
                await writer.write(verb)
        for number in range(3):
            while await read(number):
                continue
    finally:
        module.ENTRIES_MAX, module.STRETCH_MAX = limits
    assert met == [writer.told[name] for name in follows]
    assert positions == [writer.position] * 3


async def test_what_one_asks_answers_the_others_too() -> None:
    store = memory_store()
    writer, asked = Writer(store), Asked(store)
    news = JournalNews(asked, frozenset().union(*EVENTS.values()), fresh=0)
    for kind in ("created", "changed", "changed"):
        await writer.write(kind)
    for _ in range(5):
        for name, events in EVENTS.items():
            assert [entry.position for entry in (await news.after(0, events)).entries] == writer.told[name]
            assert not (await news.after(3, events)).entries
    assert asked.times == 1
