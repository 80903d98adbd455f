"""Repositories of all aggregates in memory, with the look-ups that each adds to the generic ones."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from adapters.persistence.mapping import factors, federation, identity, knowledge, operations
from adapters.persistence.memory.tables import MemoryDatabase
from adapters.persistence.tracking import Row, TrackedRepository, Tracker
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

    async def expired(self, before: Instant, limit: int) -> Sequence[OneTimeToken]:
        return [token for token in self._where() if token.expires_at <= before][:limit]


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
