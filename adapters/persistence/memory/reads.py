"""Read models in memory: lists, rights, chunks and the audit trail."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import numpy as np

from adapters.persistence import listings
from adapters.persistence.entries import Entry, merged
from adapters.persistence.mapping import identity, knowledge, operations
from adapters.persistence.memory.lists import page_of
from adapters.persistence.memory.tables import MemoryDatabase
from adapters.persistence.tracking import AggregateMapping, Row
from application.audit.ports import AuditEvent
from application.identity.ports import Principal
from application.identity.views import ApiKeyView, GroupView, SessionView, UserView
from application.knowledge.ports import ChunkHit
from application.knowledge.retrieval import ChunkBatch, Numbers
from application.knowledge.views import ChunkView, CollectionView, DocumentView
from application.operations.ports import JobView
from domain.audit.evidence import SHOWN
from domain.identity.credentials import ApiKey
from domain.identity.roles import BUILT_IN, Role, rights_of
from domain.identity.users import UserStatus
from domain.knowledge.documents import DocumentStatus
from domain.shared.actor import Actor
from domain.shared.errors import NotFound
from domain.shared.values import Instant, ListQuery, Page


def _entity(mapping: AggregateMapping[Any], row: Row) -> Any:
    entity = mapping.from_row(row)
    entity.version = row["version"]
    return entity


def _has(group: Row, user_id: UUID) -> bool:
    return any(member["user_id"] == user_id for member in group["members"])


class MemoryIdentityReads:
    """Lists of identity, principals, and the directory of who exists."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def users(self, query: ListQuery) -> Page[UserView]:
        rows, after = page_of(self._database.rows("users"), listings.USERS, query)
        return Page([UserView.of(_entity(identity.USERS, row)) for row in rows], after)

    async def api_keys(self, owner_id: UUID | None, query: ListQuery) -> Page[ApiKeyView]:
        rows = [row for row in self._database.rows("api_keys") if owner_id in (None, row["owner_id"])]
        page, after = page_of(rows, listings.API_KEYS, query)
        return Page([ApiKeyView.of(_entity(identity.API_KEYS, row)) for row in page], after)

    async def groups(self, query: ListQuery) -> Page[GroupView]:
        page, after = page_of(self._database.rows("user_groups"), listings.GROUPS, query)
        return Page([GroupView.of(_entity(identity.GROUPS, row)) for row in page], after)

    async def group_members(self, group_id: UUID, query: ListQuery) -> Page[UserView]:
        group = self._database.row("user_groups", group_id)
        rows = [row for row in self._database.rows("users") if group is not None and _has(group, row["id"])]
        page, after = page_of(rows, listings.USERS, query)
        return Page([UserView.of(_entity(identity.USERS, row)) for row in page], after)

    async def sessions(self, user_id: UUID, query: ListQuery) -> Page[SessionView]:
        rows = self._database.rows("sessions")
        mine = [row for row in rows if row["user_id"] == user_id and row["ended_at"] is None]
        page, after = page_of(mine, listings.SESSIONS, query)
        return Page([SessionView.of(_entity(identity.SESSIONS, row)) for row in page], after)

    async def of_user(self, user_id: UUID) -> Principal | None:
        row = self._database.row("users", user_id)
        if row is None:
            return None
        return Principal(
            user_id=row["id"],
            name=row["name"],
            email=row["email"],
            active=row["status"] == UserStatus.ACTIVE.value,
            rights=rights_of(self._roles(row)),
            group_ids=frozenset(group["id"] for group in self._database.rows("user_groups") if _has(group, user_id)),
        )

    async def of_session(self, session_id: UUID, now: Instant) -> Principal | None:
        row = self._database.row("sessions", session_id)
        if row is None or row["ended_at"] is not None or row["expires_at"] <= now:
            return None
        principal = await self.of_user(row["user_id"])
        return replace(principal, valid_until=row["expires_at"]) if principal else None

    async def of_api_key(self, key_id: UUID) -> tuple[ApiKey, Principal] | None:
        row = self._database.row("api_keys", key_id)
        owner = await self.of_user(row["owner_id"]) if row else None
        return None if row is None or owner is None else (_entity(identity.API_KEYS, row), owner)

    async def touch_api_key(self, key_id: UUID, at: Instant) -> None:
        row = self._database.tables["api_keys"].get(key_id)
        if row is not None:
            row["last_used_at"] = at

    async def current(self) -> int:
        """The epoch of rights, as the port `RightsEpoch` has it."""
        return self._database.rights_epoch

    async def user_exists(self, user_id: UUID) -> bool:
        return user_id in self._database.tables["users"]

    async def group_exists(self, group_id: UUID) -> bool:
        return group_id in self._database.tables["user_groups"]

    async def standing(self, user_id: UUID) -> Actor | None:
        principal = await self.of_user(user_id)
        return principal.actor() if principal else None

    def _roles(self, user: Row) -> list[Role]:
        names = {owned["role"] for owned in user["roles"]}
        custom = [_entity(identity.ROLES, row).role for row in self._database.rows("roles") if row["name"] in names]
        return [*(BUILT_IN[name] for name in names & BUILT_IN.keys()), *custom]


class MemoryKnowledgeReads:
    """Lists, rights and hits; also the chunk rows as indexes load them."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def readable(self, actor: Actor) -> frozenset[UUID] | None:
        if actor.every_collection:
            return None
        rows = self._database.rows("collections")
        loaded = [_entity(knowledge.COLLECTIONS, row) for row in rows]
        return frozenset(collection.id for collection in loaded if collection.level_of(actor) is not None)

    async def collections(self, actor: Actor, query: ListQuery) -> Page[CollectionView]:
        rows, after = page_of(await self._visible(actor), listings.COLLECTIONS, query)
        return Page([CollectionView.of(_entity(knowledge.COLLECTIONS, row)) for row in rows], after)

    async def collections_named(self, actor: Actor, name: str) -> Sequence[CollectionView]:
        rows = [row for row in await self._visible(actor) if row["name"] == name]
        return [CollectionView.of(_entity(knowledge.COLLECTIONS, row)) for row in rows]

    async def documents(self, collection_id: UUID, query: ListQuery) -> Page[DocumentView]:
        rows = [row for row in self._database.rows("documents") if row["collection_id"] == collection_id]
        page, after = page_of(rows, listings.DOCUMENTS, query)
        return Page([DocumentView.of(_entity(knowledge.DOCUMENTS, row)) for row in page], after)

    async def document_fields(self, collections: frozenset[UUID] | None) -> Sequence[DocumentView]:
        views = [DocumentView.of(_entity(knowledge.DOCUMENTS, row)) for row in self._database.rows("documents")]
        ready = [view for view in views if view.status == DocumentStatus.READY.value]
        return [view for view in ready if collections is None or view.collection_id in collections]

    async def chunks_of(self, document_id: UUID, query: ListQuery) -> Page[ChunkView]:
        rows = [row for row in self._database.chunks.values() if row["document_id"] == document_id]
        page, after = page_of(rows, listings.CHUNKS, query)
        names = ("id", "document_id", "ordinal", "text", "page", "start", "end")
        views = [ChunkView(headings=tuple(row["headings"]), **{name: row[name] for name in names}) for row in page]
        return Page(views, after)

    async def hits(self, numbers: Sequence[int], collections: frozenset[UUID] | None) -> Sequence[ChunkHit]:
        found = []
        for number in numbers:
            row = self._database.chunks.get(int(number))
            if row is not None and (collections is None or row["collection_id"] in collections):
                document = self._database.tables["documents"][row["document_id"]]
                names = ("number", "id", "document_id", "collection_id", "text", "page", "start", "end")
                shown = ("external_id", "title", "media_type", "metadata")
                members = {name: row[name] for name in names} | {name: document[name] for name in shown}
                found.append(ChunkHit(headings=tuple(row["headings"]), **members))
        return found

    async def documents_of_chunks(self, numbers: Sequence[int]) -> Mapping[int, UUID]:
        chunks = self._database.chunks
        return {int(n): chunks[int(n)]["document_id"] for n in numbers if int(n) in chunks}

    async def of_documents(self, document_ids: Sequence[UUID]) -> ChunkBatch:
        wanted = set(document_ids)
        return _batch([row for row in self._database.chunks.values() if row["document_id"] in wanted])

    async def after(self, number: int, limit: int) -> ChunkBatch:
        rows = [self._database.chunks[n] for n in sorted(self._database.chunks) if n > number]
        return _batch(rows[:limit])

    async def count(self) -> int:
        return len(self._database.chunks)

    async def numbers(self) -> Numbers:
        return np.array(sorted(self._database.chunks), dtype=np.int64)

    async def _visible(self, actor: Actor) -> list[Row]:
        readable = await self.readable(actor)
        return [row for row in self._database.rows("collections") if readable is None or row["id"] in readable]


class MemoryJobLists:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def jobs(self, actor: Actor, query: ListQuery) -> Page[JobView]:
        rows = self._database.rows("jobs")
        mine = [row for row in rows if actor.every_collection or row["owner_id"] == actor.user_id]
        page, after = page_of(mine, listings.JOBS, query)
        return Page([JobView.of(_entity(operations.JOBS, row)) for row in page], after)


class MemoryAuditTrail:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def events(self, query: ListQuery) -> Page[AuditEvent]:
        rows = [entry.columns for entry in self._database.entries]
        page, after = page_of(rows, listings.AUDIT, query)
        return Page([await self.event(row["id"]) for row in page], after)

    async def event(self, id: UUID) -> AuditEvent:
        for position, entry in enumerate(self._database.entries, 1):
            if entry.id == id:
                return self._event(position, entry)
        raise NotFound()

    def _event(self, position: int, entry: Entry) -> AuditEvent:
        shown = merged(entry.body, entry.personal["body"], entry.personal["actor_body"])
        sealed = self._database.seals[-1].last_position if self._database.seals else 0
        columns = {name: entry.columns[name] for name in SHOWN if name not in ("operation", "version")}
        return AuditEvent(
            id=entry.id,
            at=entry.at,
            sequence=position if position <= sealed else None,
            action=entry.columns["operation"],
            actor_name=shown["actor_name"],
            client_address=shown["client_address"],
            before=shown["before"],
            after=shown["after"],
            **columns,
        )


def _batch(rows: Sequence[Row]) -> ChunkBatch:
    vectors = [np.frombuffer(row["vector"], dtype=np.float32) for row in rows]
    return ChunkBatch(
        numbers=np.array([row["number"] for row in rows], dtype=np.int64),
        document_ids=[row["document_id"] for row in rows],
        collection_ids=[row["collection_id"] for row in rows],
        vectors=np.stack(vectors) if vectors else np.empty((0, 0), dtype=np.float32),
        terms=[row["terms"] for row in rows],
    )
