"""The seam in memory: the oracle of the contract suites, and the store of unit tests."""

from functools import cached_property
from typing import TypeVar
from uuid import UUID

from adapters.persistence.chunk_writes import ChunkWrites
from adapters.persistence.desk import TrackedJobDesk
from adapters.persistence.entries import journal_entry
from adapters.persistence.memory.repositories import (
    MemoryAnswers,
    MemoryApiKeys,
    MemoryCollections,
    MemoryDocuments,
    MemoryExports,
    MemoryGroups,
    MemoryIdentities,
    MemoryJobs,
    MemoryOneTimeTokens,
    MemoryPasskeys,
    MemoryPasswords,
    MemoryRecoveryCodes,
    MemoryRoles,
    MemorySessions,
    MemoryTotpFactors,
    MemoryUsers,
)
from adapters.persistence.memory.tables import MemoryDatabase, repeat_key
from adapters.persistence.opening import OpeningStore
from adapters.persistence.repeats import RepeatRecords, RepeatWrite, is_live
from adapters.persistence.tracking import Row, Tracker
from application.shared.observer import Observer
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Rule

R = TypeVar("R")


class MemoryUnitOfWork:
    """Collects, then writes. Repositories are made on first use."""

    def __init__(self, store: "MemoryStore", operation: Operation) -> None:
        self._store, self._operation, self._tracker = store, operation, Tracker()

    @cached_property
    def users(self) -> MemoryUsers:
        return MemoryUsers(self._tracker, self._store.database)

    @cached_property
    def passwords(self) -> MemoryPasswords:
        return MemoryPasswords(self._tracker, self._store.database)

    @cached_property
    def sessions(self) -> MemorySessions:
        return MemorySessions(self._tracker, self._store.database)

    @cached_property
    def totp_factors(self) -> MemoryTotpFactors:
        return MemoryTotpFactors(self._tracker, self._store.database)

    @cached_property
    def recovery_codes(self) -> MemoryRecoveryCodes:
        return MemoryRecoveryCodes(self._tracker, self._store.database)

    @cached_property
    def passkeys(self) -> MemoryPasskeys:
        return MemoryPasskeys(self._tracker, self._store.database)

    @cached_property
    def api_keys(self) -> MemoryApiKeys:
        return MemoryApiKeys(self._tracker, self._store.database)

    @cached_property
    def one_time_tokens(self) -> MemoryOneTimeTokens:
        return MemoryOneTimeTokens(self._tracker, self._store.database)

    @cached_property
    def identities(self) -> MemoryIdentities:
        return MemoryIdentities(self._tracker, self._store.database)

    @cached_property
    def roles(self) -> MemoryRoles:
        return MemoryRoles(self._tracker, self._store.database)

    @cached_property
    def groups(self) -> MemoryGroups:
        return MemoryGroups(self._tracker, self._store.database)

    @cached_property
    def collections(self) -> MemoryCollections:
        return MemoryCollections(self._tracker, self._store.database)

    @cached_property
    def documents(self) -> MemoryDocuments:
        return MemoryDocuments(self._tracker, self._store.database)

    @cached_property
    def chunks(self) -> ChunkWrites:
        return ChunkWrites(self._tracker)

    @cached_property
    def answers(self) -> MemoryAnswers:
        return MemoryAnswers(self._tracker, self._store.database)

    @cached_property
    def job_rows(self) -> MemoryJobs:
        return MemoryJobs(self._tracker, self._store.database)

    @cached_property
    def exports(self) -> MemoryExports:
        return MemoryExports(self._tracker, self._store.database)

    @cached_property
    def jobs(self) -> TrackedJobDesk:
        return TrackedJobDesk(self.job_rows, self._store.clock)

    def guard(self, rule: Rule, subject: UUID) -> None:
        self._tracker.guards.append((rule, subject))

    async def commit(self, result: R) -> R:
        changes, now = self._tracker.changes(), self._store.clock.now()
        repeat, tracker = self._operation.repeat, self._tracker
        self._store.database.write(
            changes,
            tracker.bulk,
            tracker.guards,
            [journal_entry(self._operation, change, now) for change in changes if change.mapping.journaled],
            self._store.records.record(repeat, result, now) if repeat else None,
        )
        self._tracker.settle(changes)
        if repeat is not None:
            repeat.holder = None
        return result


class MemoryStore(OpeningStore):
    """Opens units of work on a database in memory."""

    unit = MemoryUnitOfWork

    def __init__(
        self, database: MemoryDatabase, clock: Clock, records: RepeatRecords, observer: Observer | None = None
    ) -> None:
        super().__init__(clock, records, observer)
        self.database = database

    def unit_of(self, operation: Operation) -> MemoryUnitOfWork:
        return self.unit(self, operation)

    async def find_repeat(self, key: Row) -> Row | None:
        return self.database.repeats.get(repeat_key(key))

    async def put_repeat(self, write: RepeatWrite) -> None:
        self.database.put_repeat(write)

    async def remove_lease(self, key: Row, holder: UUID) -> None:
        row = await self.find_repeat(key)
        if row is not None and row["holder"] == holder:
            del self.database.repeats[repeat_key(key)]

    async def forget_repeats(self, limit: int) -> int:
        now, kept = self.clock.now(), self.database.repeats
        old = sorted((row["expires_at"], key) for key, row in kept.items() if not is_live(row, now))[:limit]
        for _, key in old:
            del kept[key]
        return len(old)
