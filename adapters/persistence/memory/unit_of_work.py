"""The seam in memory: the oracle of the contract suites, and the store of unit tests."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from adapters.persistence.chunk_writes import ChunkWrites
from adapters.persistence.desk import TrackedJobDesk
from adapters.persistence.entries import journal_entry
from adapters.persistence.mapping import factors, federation, identity, knowledge, operations
from adapters.persistence.memory.tables import MemoryDatabase, repeat_key
from adapters.persistence.opening import OpeningStore
from adapters.persistence.repeats import RepeatRecords, RepeatWrite, is_live
from adapters.persistence.tracking import Row, TrackedRepository, Tracker
from application.shared.observer import Observer
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Rule
from domain.identity.credentials import ApiKey, PasswordCredential
from domain.identity.federation import FederatedIdentity
from domain.identity.groups import Group
from domain.identity.one_time_tokens import OneTimeToken, TokenPurpose
from domain.identity.passkeys import Passkey
from domain.identity.roles import CustomRole
from domain.identity.second_factors import RecoveryCodes, TotpFactor
from domain.identity.sessions import Session
from domain.identity.users import User
from domain.knowledge.answers import Answer
from domain.knowledge.collections import Collection
from domain.knowledge.documents import Document
from domain.operations.exports import Export
from domain.operations.jobs import FINAL, Job
from domain.shared.entity import Aggregate
from domain.shared.values import Instant

A = TypeVar("A", bound=Aggregate)
R = TypeVar("R")


class MemoryRepository(TrackedRepository[A]):
    def __init__(self, tracker: Tracker, database: MemoryDatabase) -> None:
        super().__init__(tracker)
        self._database = database

    async def _rows(self, ids: Sequence[UUID]) -> Sequence[Row]:
        found = [self._database.row(self.mapping.table, one) for one in ids]
        return [row for row in found if row is not None]

    def _where(self, **equal: Any) -> list[A]:
        rows = self._database.rows(self.mapping.table)
        return self._load_all([row for row in rows if all(row[name] == value for name, value in equal.items())])


class MemoryUsers(MemoryRepository[User]):
    mapping = identity.USERS

    async def by_email(self, email: str) -> User | None:
        return next(iter(self._where(email=email)), None)


class MemoryPasswords(MemoryRepository[PasswordCredential]):
    mapping = identity.PASSWORDS

    async def rehash(self, user_id: UUID, old_hash: str, new_hash: str) -> None:
        row = self._database.tables["passwords"].get(user_id)
        if row is not None and row["password_hash"] == old_hash:
            row["password_hash"] = new_hash


class MemorySessions(MemoryRepository[Session]):
    mapping = identity.SESSIONS

    async def open_of(self, user_id: UUID) -> Sequence[Session]:
        return self._where(user_id=user_id, ended_at=None)


class MemoryTotpFactors(MemoryRepository[TotpFactor]):
    mapping = factors.TOTP_FACTORS

    async def spend(self, user_id: UUID, step: int) -> bool:
        row = self._database.tables["totp_factors"].get(user_id)
        if row is None or row.get("last_step", -1) >= step:
            return False
        row["last_step"] = step
        return True


class MemoryRecoveryCodes(MemoryRepository[RecoveryCodes]):
    mapping = factors.RECOVERY_CODES


class MemoryPasskeys(MemoryRepository[Passkey]):
    mapping = factors.PASSKEYS

    async def of_user(self, user_id: UUID) -> Sequence[Passkey]:
        return self._where(user_id=user_id)

    async def by_credential(self, credential_id: bytes) -> Passkey | None:
        return next(iter(self._where(credential_id=credential_id)), None)


class MemoryApiKeys(MemoryRepository[ApiKey]):
    mapping = identity.API_KEYS

    async def of_owner(self, owner_id: UUID) -> Sequence[ApiKey]:
        return self._where(owner_id=owner_id)


class MemoryOneTimeTokens(MemoryRepository[OneTimeToken]):
    mapping = identity.ONE_TIME_TOKENS

    async def by_secret(self, secret_hash: bytes) -> OneTimeToken | None:
        return next(iter(self._where(secret_hash=secret_hash)), None)

    async def of_subject(self, subject: str, purpose: TokenPurpose) -> OneTimeToken | None:
        return next(iter(self._where(subject=subject, purpose=purpose.value)), None)

    async def of_user(self, user_id: UUID) -> Sequence[OneTimeToken]:
        return self._where(user_id=user_id)


class MemoryIdentities(MemoryRepository[FederatedIdentity]):
    mapping = federation.IDENTITIES

    async def by_subject(self, issuer: str, subject: str) -> FederatedIdentity | None:
        return next(iter(self._where(issuer=issuer, subject=subject)), None)

    async def of_user(self, user_id: UUID) -> Sequence[FederatedIdentity]:
        return self._where(user_id=user_id)


class MemoryRoles(MemoryRepository[CustomRole]):
    mapping = identity.ROLES

    async def named(self, names: Iterable[str]) -> Sequence[CustomRole]:
        wanted = frozenset(names)
        return [role for role in self._where() if role.name in wanted]

    async def all(self) -> Sequence[CustomRole]:
        return self._where()


class MemoryGroups(MemoryRepository[Group]):
    mapping = identity.GROUPS


class MemoryCollections(MemoryRepository[Collection]):
    mapping = knowledge.COLLECTIONS


class MemoryDocuments(MemoryRepository[Document]):
    mapping = knowledge.DOCUMENTS

    async def by_external_id(self, collection_id: UUID, external_id: str) -> Document | None:
        return next(iter(self._where(collection_id=collection_id, external_id=external_id)), None)

    async def by_content(self, collection_id: UUID, content_hash: str) -> Sequence[Document]:
        return self._where(collection_id=collection_id, content_hash=content_hash)

    async def some_of_collection(self, collection_id: UUID, limit: int) -> Sequence[Document]:
        return self._where(collection_id=collection_id)[:limit]


class MemoryAnswers(MemoryRepository[Answer]):
    mapping = knowledge.ANSWERS


class MemoryJobs(MemoryRepository[Job]):
    mapping = operations.JOBS

    async def open_of(self, subject_id: UUID) -> Sequence[Job]:
        return [job for job in self._where(subject_id=subject_id) if job.status not in FINAL]


class MemoryExports(MemoryRepository[Export]):
    mapping = operations.EXPORTS

    async def of_user(self, user_id: UUID) -> Export | None:
        return next(iter(self._where(user_id=user_id)), None)

    async def expired(self, now: Instant, limit: int) -> Sequence[Export]:
        return [export for export in self._where() if export.is_expired(now)][:limit]


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
