"""Repositories of all aggregates: the generic ones of `tracking`, and the look-ups that each adds."""

from collections.abc import Iterable, Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, or_, select, update

from adapters.persistence.chunk_writes import ChunkWrites
from adapters.persistence.mapping import factors, federation, identity, knowledge, operations
from adapters.persistence.sqlalchemy.engine import Database, execute
from adapters.persistence.sqlalchemy.rows import aggregate_rows, by_ids
from adapters.persistence.sqlalchemy.tables import identity as identity_tables
from adapters.persistence.sqlalchemy.tables import knowledge as knowledge_tables
from adapters.persistence.sqlalchemy.tables import operations as operations_tables
from adapters.persistence.sqlalchemy.tables.base import metadata
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
IDS_PER_QUERY = 500


class TableRepository(TrackedRepository[A]):
    """get, find, add, remove on one table, and a helper for look-ups."""

    def __init__(self, tracker: Tracker, database: Database) -> None:
        super().__init__(tracker)
        self._database = database

    async def _rows(self, ids: Sequence[UUID]) -> Sequence[Row]:
        mapping = self.mapping
        if len(ids) == 1:
            row = await self._database.row(mapping, ids[0])
            return [] if row is None else [row]

        def call(connection: Connection) -> list[Row]:
            parts = [ids[at : at + IDS_PER_QUERY] for at in range(0, len(ids), IDS_PER_QUERY)]
            return [row for part in parts for row in aggregate_rows(connection, mapping, by_ids(mapping, part))]

        return await self._database.read(call)

    async def _where(self, *conditions: ColumnElement[bool], limit: int | None = None) -> list[A]:
        """Oldest first."""
        table, mapping = metadata.tables[self.mapping.table], self.mapping
        statement = select(table).where(*conditions).order_by(table.c.created_at, table.c.id).limit(limit)
        rows = await self._database.read(lambda connection: aggregate_rows(connection, mapping, statement))
        return self._load_all(rows)

    async def _one(self, *conditions: ColumnElement[bool]) -> A | None:
        found = await self._where(*conditions)
        return found[0] if found else None


class SqlUsers(TableRepository[User]):
    mapping = identity.USERS

    async def by_email(self, email: str) -> User | None:
        return await self._one(identity_tables.users.c.email == email)


class SqlPasswords(TableRepository[PasswordCredential]):
    mapping = identity.PASSWORDS

    async def rehash(self, user_id: UUID, old_hash: str, new_hash: str) -> None:
        table = identity_tables.passwords
        same = [table.c.id == user_id, table.c.password_hash == old_hash]
        await execute(self._database, update(table).where(*same).values(password_hash=new_hash))


class SqlSessions(TableRepository[Session]):
    mapping = identity.SESSIONS

    async def open_of(self, user_id: UUID) -> Sequence[Session]:
        table = identity_tables.sessions
        return await self._where(table.c.user_id == user_id, table.c.ended_at.is_(None))


class SqlTotpFactors(TableRepository[TotpFactor]):
    mapping = factors.TOTP_FACTORS

    async def spend(self, user_id: UUID, step: int) -> bool:
        table = identity_tables.totp_factors
        unspent = [table.c.id == user_id, or_(table.c.last_step.is_(None), table.c.last_step < step)]
        statement = update(table).where(*unspent).values(last_step=step)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount) == 1


class SqlRecoveryCodes(TableRepository[RecoveryCodes]):
    mapping = factors.RECOVERY_CODES


class SqlPasskeys(TableRepository[Passkey]):
    mapping = factors.PASSKEYS

    async def of_user(self, user_id: UUID) -> Sequence[Passkey]:
        return await self._where(identity_tables.passkeys.c.user_id == user_id)

    async def by_credential(self, credential_id: bytes) -> Passkey | None:
        return await self._one(identity_tables.passkeys.c.credential_id == credential_id)


class SqlApiKeys(TableRepository[ApiKey]):
    mapping = identity.API_KEYS

    async def of_owner(self, owner_id: UUID) -> Sequence[ApiKey]:
        return await self._where(identity_tables.api_keys.c.owner_id == owner_id)


class SqlOneTimeTokens(TableRepository[OneTimeToken]):
    mapping = identity.ONE_TIME_TOKENS

    async def by_secret(self, secret_hash: bytes) -> OneTimeToken | None:
        return await self._one(identity_tables.one_time_tokens.c.secret_hash == secret_hash)

    async def of_subject(self, subject: str, purpose: TokenPurpose) -> OneTimeToken | None:
        table = identity_tables.one_time_tokens
        return await self._one(table.c.subject == subject, table.c.purpose == purpose.value)

    async def of_user(self, user_id: UUID) -> Sequence[OneTimeToken]:
        return await self._where(identity_tables.one_time_tokens.c.user_id == user_id)

    async def expired(self, before: Instant, limit: int) -> Sequence[OneTimeToken]:
        return await self._where(identity_tables.one_time_tokens.c.expires_at <= before, limit=limit)


class SqlIdentities(TableRepository[FederatedIdentity]):
    mapping = federation.IDENTITIES

    async def by_subject(self, issuer: str, subject: str) -> FederatedIdentity | None:
        table = identity_tables.identities
        return await self._one(table.c.issuer == issuer, table.c.subject == subject)

    async def of_user(self, user_id: UUID) -> Sequence[FederatedIdentity]:
        return await self._where(identity_tables.identities.c.user_id == user_id)


class SqlRoles(TableRepository[CustomRole]):
    mapping = identity.ROLES

    async def named(self, names: Iterable[str]) -> Sequence[CustomRole]:
        return await self._where(identity_tables.roles.c.name.in_(list(names)))

    async def all(self) -> Sequence[CustomRole]:
        return await self._where()


class SqlGroups(TableRepository[Group]):
    mapping = identity.GROUPS


class SqlCollections(TableRepository[Collection]):
    mapping = knowledge.COLLECTIONS


class SqlDocuments(TableRepository[Document]):
    mapping = knowledge.DOCUMENTS

    async def by_external_id(self, collection_id: UUID, external_id: str) -> Document | None:
        table = knowledge_tables.documents
        return await self._one(table.c.collection_id == collection_id, table.c.dedupe_key == f"id:{external_id}")

    async def by_content(self, collection_id: UUID, content_hash: str) -> Sequence[Document]:
        table = knowledge_tables.documents
        return await self._where(table.c.collection_id == collection_id, table.c.content_hash == content_hash)

    async def some_of_collection(self, collection_id: UUID, limit: int) -> Sequence[Document]:
        """Up to `limit` documents of a collection, oldest first."""
        return await self._where(knowledge_tables.documents.c.collection_id == collection_id, limit=limit)


class SqlChunks(ChunkWrites):
    """Bulk writes only; chunks are read through the read models."""


class SqlAnswers(TableRepository[Answer]):
    mapping = knowledge.ANSWERS


class SqlJobs(TableRepository[Job]):
    mapping = operations.JOBS

    async def open_of(self, subject_id: UUID) -> Sequence[Job]:
        table = operations_tables.jobs
        final = [status.value for status in FINAL]
        return await self._where(table.c.subject_id == subject_id, table.c.status.not_in(final))


class SqlExports(TableRepository[Export]):
    mapping = operations.EXPORTS

    async def of_user(self, user_id: UUID) -> Export | None:
        return await self._one(operations_tables.exports.c.user_id == user_id)

    async def expired(self, now: Instant, limit: int) -> Sequence[Export]:
        return await self._where(operations_tables.exports.c.expires_at <= now, limit=limit)
