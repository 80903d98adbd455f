"""The seam on SQL databases: one concrete unit of work with the repositories of all contexts."""

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import and_, select

from adapters.persistence.desk import TrackedJobDesk
from adapters.persistence.entries import journal_entry
from adapters.persistence.repeats import RepeatRecords
from adapters.persistence.sqlalchemy.engine import Database
from adapters.persistence.sqlalchemy.repositories import (
    SqlAnswers,
    SqlApiKeys,
    SqlChunks,
    SqlCollections,
    SqlDocuments,
    SqlGroups,
    SqlJobs,
    SqlPasswords,
    SqlRoles,
    SqlSessions,
    SqlUsers,
)
from adapters.persistence.sqlalchemy.rights_epoch import SqlRightsEpoch
from adapters.persistence.sqlalchemy.tables.journal import repeats
from adapters.persistence.sqlalchemy.unit_writer import Unit, write_unit
from adapters.persistence.tracking import Tracker
from application.shared.observer import Observer
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Repeat, Replayed, Rule
from domain.shared.errors import FastOpsError

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
    def api_keys(self) -> SqlApiKeys:
        return SqlApiKeys(self._tracker, self._store.database)

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
            await self._store.database.write(lambda connection: write_unit(connection, unit))
        finally:
            if unit.moves_rights and self._store.rights is not None:
                self._store.rights.moved()
        self._tracker.settle(changes)
        return result


class SqlStore:
    """Opens units of work on one database; satisfies `Work` for every context's view."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        records: RepeatRecords,
        observer: Observer | None = None,
        rights: SqlRightsEpoch | None = None,
    ) -> None:
        self.database, self.clock, self.records, self.rights = database, clock, records, rights
        self._observe = observer

    def __call__(self, operation: Operation) -> AbstractAsyncContextManager[Any]:
        return self._open(operation)

    @asynccontextmanager
    async def _open(self, operation: Operation) -> AsyncIterator[SqlUnitOfWork]:
        began = time.perf_counter()
        refused: FastOpsError | None = None
        try:
            if operation.repeat is not None:
                kept = await self.recorded(operation.repeat)
                if kept is not None:
                    raise Replayed(kept)
            yield SqlUnitOfWork(self, operation)
        except FastOpsError as error:
            refused = error
            raise
        finally:
            if self._observe is not None:
                self._observe(operation, time.perf_counter() - began, refused)

    async def recorded(self, repeat: Repeat) -> bytes | None:
        key = self.records.key(repeat)
        statement = select(repeats).where(and_(*(repeats.c[name] == value for name, value in key.items())))
        row = await self.database.read(lambda connection: connection.execute(statement).one_or_none())
        return None if row is None else self.records.open(repeat, dict(row._mapping), self.clock.now())

    def decode(self, result: bytes, form: type[R]) -> R:
        return self.records.decode(result, form)
