"""The journal in memory: entries are in order from the start, so only sealing and following is left."""

import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial

from adapters.persistence.memory.tables import MemoryDatabase
from application.shared.journal import (
    ATTEMPTS_MAX,
    JOURNAL_LEASE,
    SEALED_PER_PASS,
    FollowerState,
    JournalEntry,
    JournalEvent,
    JournalState,
    LeaseLost,
    SetAside,
    Target,
)
from application.shared.ports import Clock
from domain.audit.chain import SignAs, next_seal
from domain.shared.values import Instant


class MemoryJournal:
    """Reader, keeper and overview in one."""

    def __init__(self, database: MemoryDatabase, clock: Clock, sign: SignAs) -> None:
        self._database, self._clock, self._sign = database, clock, sign

    async def after(
        self, position: int, limit: int = 1000, *, until: int | None = None, events: AbstractSet[str] | None = None
    ) -> Sequence[JournalEntry]:
        stretch = self._entries(position, until)
        return [entry for entry in stretch if events is None or entry.tells(events)][:limit]

    def _entries(self, position: int, until: int | None) -> Sequence[JournalEntry]:
        found = []
        for place, entry in enumerate(self._database.entries[position:until], position + 1):
            names = ("operation", "actor_id", "request_id", "target_type", "target_id", "version")
            events = [JournalEvent(event["name"], event["payload"]) for event in json.loads(entry.body)["events"]]
            members = {name: entry.columns[name] for name in names}
            found.append(JournalEntry(position=place, id=entry.id, at=entry.at, events=events, **members))
        return found

    async def head(self) -> int:
        return len(self._database.entries)

    async def order(self, holder: str) -> int:  # noqa: ARG002 (there is nothing to order)
        return 0

    async def seal(self, holder: str) -> int:
        seals, done = self._database.seals, self._sealed()
        bodies = [entry.body for entry in self._database.entries[done : done + SEALED_PER_PASS]]
        if not bodies:
            return 0
        if self._keeper() != holder:
            raise LeaseLost()
        sign = partial(self._sign, self._database.head_key)
        seals.append(next_seal(seals[-1] if seals else None, done + 1, bodies, sign, self._clock.now()))
        return len(bodies)

    async def state(self) -> JournalState:
        aside, positions = self._database.set_aside.values(), self._database.positions
        return JournalState(
            unnumbered=0,
            head=await self.head(),
            sealed=self._sealed(),
            keeper=self._keeper(),
            followers=[
                FollowerState(
                    name=name,
                    position=positions.get(name, 0),
                    waiting=sum(item.follower == name and item.attempts < ATTEMPTS_MAX for item in aside),
                    poison=sum(item.follower == name and item.attempts >= ATTEMPTS_MAX for item in aside),
                )
                for name in sorted({*positions, *(item.follower for item in aside)})
            ],
        )

    def _sealed(self) -> int:
        return self._database.seals[-1].last_position if self._database.seals else 0

    def _keeper(self) -> str | None:
        held = self._database.leases.get(JOURNAL_LEASE)
        return held[0] if held else None


class MemoryPositions:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def read(self, follower: str) -> int:
        return self._database.positions.get(follower, 0)

    async def move(self, follower: str, position: int) -> None:
        self._database.positions[follower] = max(position, await self.read(follower))


class MemorySetAsides:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def put(self, item: SetAside) -> None:
        self._database.set_aside[item.follower, item.position] = item

    async def remove(self, follower: str, position: int) -> bool:
        return self._database.set_aside.pop((follower, position), None) is not None

    async def targets(self, follower: str) -> set[Target]:
        return {item.target for item in self._items() if item.follower == follower}

    async def due(self, follower: str, now: Instant, limit: int) -> Sequence[SetAside]:
        first: dict[Target, SetAside] = {}
        for item in self._items():
            if item.follower == follower:
                first.setdefault(item.target, item)
        tried = [item for item in first.values() if item.attempts < ATTEMPTS_MAX]
        return [item for item in tried if item.retry_at is not None and item.retry_at <= now][:limit]

    async def poison(self, limit: int) -> Sequence[SetAside]:
        return [item for item in self._items() if item.attempts >= ATTEMPTS_MAX][:limit]

    async def renew(self, now: Instant, follower: str | None = None, position: int | None = None) -> int:
        renewed = [
            item
            for item in await self.poison(len(self._database.set_aside))
            if follower in (None, item.follower) and position in (None, item.position)
        ]
        for item in renewed:
            await self.put(replace(item, attempts=0, retry_at=now))
        return len(renewed)

    def _items(self) -> list[SetAside]:
        return [item for _, item in sorted(self._database.set_aside.items())]
