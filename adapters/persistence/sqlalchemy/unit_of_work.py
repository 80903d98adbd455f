"""The seam on SQL databases: one concrete unit of work with the repositories of all contexts."""

from functools import cached_property
from typing import TypeVar
from uuid import UUID

from adapters.persistence.desk import TrackedJobDesk
from adapters.persistence.entries import journal_entry
from adapters.persistence.opening import OpeningStore
from adapters.persistence.repeats import RepeatRecords, RepeatWrite
from adapters.persistence.sqlalchemy import repeats
from adapters.persistence.sqlalchemy.engine import Database
from adapters.persistence.sqlalchemy.repositories import (
    SqlAnswers,
    SqlApiKeys,
    SqlChunks,
    SqlCollections,
    SqlDocuments,
    SqlExports,
    SqlGroups,
    SqlIdentities,
    SqlJobs,
    SqlOneTimeTokens,
    SqlPasskeys,
    SqlPasswords,
    SqlRecoveryCodes,
    SqlRoles,
    SqlSessions,
    SqlTotpFactors,
    SqlUsers,
)
from adapters.persistence.sqlalchemy.rights_epoch import SqlRightsEpoch
from adapters.persistence.sqlalchemy.unit_writer import Unit
from adapters.persistence.tracking import Row, Tracker
from application.shared.observer import Observer
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Rule

R = TypeVar("R")


class SqlUnitOfWork:
    """Collects, then writes. Repositories are made on first use."""

    def __init__(self, store: "SqlStore", operation: Operation) -> None:
        self._store, self._operation, self._tracker = store, operation, Tracker()

    @cached_property
    def users(self) -> SqlUsers:
        return SqlUsers(self._tracker, self._store.database)

    @cached_property
    def passwords(self) -> SqlPasswords:
        return SqlPasswords(self._tracker, self._store.database)

    @cached_property
    def sessions(self) -> SqlSessions:
        return SqlSessions(self._tracker, self._store.database)

    @cached_property
    def totp_factors(self) -> SqlTotpFactors:
        return SqlTotpFactors(self._tracker, self._store.database)

    @cached_property
    def recovery_codes(self) -> SqlRecoveryCodes:
        return SqlRecoveryCodes(self._tracker, self._store.database)

    @cached_property
    def passkeys(self) -> SqlPasskeys:
        return SqlPasskeys(self._tracker, self._store.database)

    @cached_property
    def api_keys(self) -> SqlApiKeys:
        return SqlApiKeys(self._tracker, self._store.database)

    @cached_property
    def one_time_tokens(self) -> SqlOneTimeTokens:
        return SqlOneTimeTokens(self._tracker, self._store.database)

    @cached_property
    def identities(self) -> SqlIdentities:
        return SqlIdentities(self._tracker, self._store.database)

    @cached_property
    def roles(self) -> SqlRoles:
        return SqlRoles(self._tracker, self._store.database)

    @cached_property
    def groups(self) -> SqlGroups:
        return SqlGroups(self._tracker, self._store.database)

    @cached_property
    def collections(self) -> SqlCollections:
        return SqlCollections(self._tracker, self._store.database)

    @cached_property
    def documents(self) -> SqlDocuments:
        return SqlDocuments(self._tracker, self._store.database)

    @cached_property
    def chunks(self) -> SqlChunks:
        return SqlChunks(self._tracker)

    @cached_property
    def answers(self) -> SqlAnswers:
        return SqlAnswers(self._tracker, self._store.database)

    @cached_property
    def job_rows(self) -> SqlJobs:
        return SqlJobs(self._tracker, self._store.database)

    @cached_property
    def exports(self) -> SqlExports:
        return SqlExports(self._tracker, self._store.database)

    @cached_property
    def jobs(self) -> TrackedJobDesk:
        return TrackedJobDesk(self.job_rows, self._store.clock)

    def guard(self, rule: Rule, subject: UUID) -> None:
        self._tracker.guards.append((rule, subject))

    async def commit(self, result: R) -> R:
        changes, now = self._tracker.changes(), self._store.clock.now()
        repeat = self._operation.repeat
        unit = Unit(
            changes=changes,
            bulk=tuple(self._tracker.bulk),
            guards=tuple(self._tracker.guards),
            entries=[journal_entry(self._operation, change, now) for change in changes if change.mapping.journaled],
            repeat=self._store.records.record(repeat, result, now) if repeat else None,
        )
        try:
            await self._store.database.keep(unit)
        finally:
            if unit.moves_rights and self._store.rights is not None:
                self._store.rights.moved()
        self._tracker.settle(changes)
        if repeat is not None:
            repeat.holder = None
        return result


class SqlStore(OpeningStore):
    """Opens units of work on one database."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        records: RepeatRecords,
        observer: Observer | None = None,
        rights: SqlRightsEpoch | None = None,
    ) -> None:
        super().__init__(clock, records, observer)
        self.database, self.rights = database, rights

    def unit_of(self, operation: Operation) -> SqlUnitOfWork:
        return SqlUnitOfWork(self, operation)

    async def find_repeat(self, key: Row) -> Row | None:
        return await self.database.read(lambda connection: repeats.find_repeat(connection, key))

    async def put_repeat(self, write: RepeatWrite) -> None:
        await self.database.write(lambda connection: repeats.put_repeat(connection, write))

    async def remove_lease(self, key: Row, holder: UUID) -> None:
        await self.database.write(lambda connection: repeats.remove_lease(connection, key, holder))

    async def forget_repeats(self, limit: int) -> int:
        now = self.clock.now()
        return await self.database.write(lambda connection: repeats.forget_repeats(connection, now, limit))
