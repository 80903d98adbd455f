"""Read models of knowledge. Each starts from the collections that the actor may read."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from adapters.persistence import listings
from adapters.persistence.mapping import knowledge as mapping
from adapters.persistence.sqlalchemy.engine import Database
from adapters.persistence.sqlalchemy.replicas import Freshness
from adapters.persistence.sqlalchemy.rows import page_rows
from adapters.persistence.sqlalchemy.tables.knowledge import chunks, collection_grants, collections, documents
from application.knowledge.ports import ChunkHit
from application.knowledge.retrieval import ChunkBatch, Numbers
from application.knowledge.views import ChunkView, CollectionView, DocumentView
from domain.knowledge.collections import SubjectType
from domain.knowledge.documents import DocumentStatus
from domain.shared.actor import Actor
from domain.shared.values import Cursor, ListQuery, Page

T = TypeVar("T")
NUMBERS_PER_QUERY = 500
_HIT = select(
    chunks.c.number, chunks.c.id, chunks.c.document_id, chunks.c.collection_id, chunks.c.text, chunks.c.headings,
    chunks.c.page, chunks.c.start, chunks.c.end,
    documents.c.external_id, documents.c.title, documents.c.media_type, documents.c.metadata,
).join(documents, documents.c.id == chunks.c.document_id)  # fmt: skip
_ROW = select(chunks.c.number, chunks.c.document_id, chunks.c.collection_id, chunks.c.vector, chunks.c.terms)


class SqlKnowledgeReads:
    """Lists, rights and hits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def readable(self, actor: Actor) -> frozenset[UUID] | None:
        if actor.every_collection:
            return None
        statement = _readable(actor)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return frozenset(row.collection_id for row in rows)

    async def collections(self, actor: Actor, query: ListQuery) -> Page[CollectionView]:
        visible = [] if actor.every_collection else [collections.c.id.in_(_readable(actor))]
        rows, after = await self._page(Freshness.PRIMARY, listings.COLLECTIONS, query, *visible)
        return Page([_collection(row) for row in rows], after)

    async def collections_named(self, actor: Actor, name: str) -> Sequence[CollectionView]:
        visible = [] if actor.every_collection else [collections.c.id.in_(_readable(actor))]
        statement = select(collections).where(collections.c.name == name, *visible)
        ordered = statement.order_by(collections.c.created_at, collections.c.id)
        rows = await self._database.read(lambda connection: connection.execute(ordered).all())
        return [_collection(row) for row in rows]

    async def documents(self, collection_id: UUID, query: ListQuery) -> Page[DocumentView]:
        rows, after = await self._page(
            Freshness.SEEN, listings.DOCUMENTS, query, documents.c.collection_id == collection_id
        )
        return Page([_document(row) for row in rows], after)

    async def document_fields(self, collections: frozenset[UUID] | None) -> Sequence[DocumentView]:
        statement = select(documents).where(documents.c.status == DocumentStatus.READY.value)
        if collections is not None:
            statement = statement.where(documents.c.collection_id.in_(collections))
        rows = await self._database.read(lambda connection: connection.execute(statement).all(), Freshness.SEEN)
        return [_document(row) for row in rows]

    async def chunks_of(self, document_id: UUID, query: ListQuery) -> Page[ChunkView]:
        rows, after = await self._page(Freshness.SEEN, listings.CHUNKS, query, chunks.c.document_id == document_id)
        return Page([_chunk(row) for row in rows], after)

    async def hits(self, numbers: Sequence[int], collections: frozenset[UUID] | None) -> Sequence[ChunkHit]:
        allowed = [] if collections is None else [chunks.c.collection_id.in_(collections)]
        rows = await self._by_numbers(_HIT.where(*allowed), numbers)
        return [ChunkHit(**_members(rows[number])) for number in numbers if number in rows]

    async def documents_of_chunks(self, numbers: Sequence[int]) -> Mapping[int, UUID]:
        rows = await self._by_numbers(select(chunks.c.number, chunks.c.document_id), numbers)
        return {number: row.document_id for number, row in rows.items()}

    async def _by_numbers(self, statement: Select[Any], numbers: Sequence[int]) -> dict[int, Row[Any]]:
        def call(connection: Connection) -> dict[int, Row[Any]]:
            found: dict[int, Row[Any]] = {}
            for at in range(0, len(numbers), NUMBERS_PER_QUERY):
                part = [int(number) for number in numbers[at : at + NUMBERS_PER_QUERY]]
                rows = connection.execute(statement.where(chunks.c.number.in_(part)))
                found.update((row.number, row) for row in rows)
            return found

        return await self._database.read(call, Freshness.SEEN)

    async def _page(
        self, freshness: Freshness, listing: listings.Listing, query: ListQuery, *conditions: ColumnElement[bool]
    ) -> tuple[Sequence[Row[Any]], Cursor | None]:
        """Lists whose conditions ask for grants decide about rights, so they are read from the primary."""
        return await self._database.read(
            lambda connection: page_rows(connection, listing, query, *conditions), freshness
        )


class SqlChunkRows:
    """Chunk rows as the indexes load them.

    An index reads the journal first, so rows that are older than that would be missed for good.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _read(self, call: Callable[[Connection], T]) -> T:
        return await self._database.read(call, Freshness.COMMITTED, patient=True)

    async def of_documents(self, document_ids: Sequence[UUID]) -> ChunkBatch:
        return await self._batch(_ROW.where(chunks.c.document_id.in_(document_ids)).order_by(chunks.c.number))

    async def after(self, number: int, limit: int) -> ChunkBatch:
        return await self._batch(_ROW.where(chunks.c.number > number).order_by(chunks.c.number).limit(limit))

    async def count(self) -> int:
        statement = select(func.count()).select_from(chunks)
        return await self._read(lambda connection: connection.execute(statement).scalar_one())

    async def numbers(self) -> Numbers:
        statement = select(chunks.c.number).order_by(chunks.c.number)
        found = await self._read(lambda connection: connection.execute(statement).scalars().all())
        return np.array(found, dtype=np.int64)

    async def _batch(self, statement: Select[Any]) -> ChunkBatch:
        def call(connection: Connection) -> ChunkBatch:
            rows = connection.execute(statement).all()
            vectors = [np.frombuffer(row.vector, dtype=np.float32) for row in rows]
            return ChunkBatch(
                numbers=np.array([row.number for row in rows], dtype=np.int64),
                document_ids=[row.document_id for row in rows],
                collection_ids=[row.collection_id for row in rows],
                vectors=np.stack(vectors) if vectors else np.empty((0, 0), dtype=np.float32),
                terms=[row.terms for row in rows],
            )

        return await self._read(call)


def _readable(actor: Actor) -> Select[tuple[UUID]]:
    subject, subject_id = collection_grants.c.subject_type, collection_grants.c.subject_id
    covers: list[ColumnElement[bool]] = []
    if actor.user_id is not None:
        covers.append(subject == SubjectType.EVERYONE.value)
        covers.append(and_(subject == SubjectType.USER.value, subject_id == actor.user_id))
    if actor.group_ids:
        covers.append(and_(subject == SubjectType.GROUP.value, subject_id.in_(actor.group_ids)))
    condition = or_(*covers) if covers else collection_grants.c.collection_id.is_(None)
    return select(collection_grants.c.collection_id).where(condition).distinct()


def _members(row: Row[Any]) -> dict[str, Any]:
    return dict(row._mapping) | {"headings": tuple(row.headings)}


def _collection(row: Row[Any]) -> CollectionView:
    names = ("id", "name", "description", "metadata", "created_at", "updated_at", "version")
    return CollectionView(**{name: row._mapping[name] for name in names})


def _document(row: Row[Any]) -> DocumentView:
    return DocumentView.of(mapping.document_from_row(dict(row._mapping)))


def _chunk(row: Row[Any]) -> ChunkView:
    names = ("id", "document_id", "ordinal", "text", "page", "start", "end")
    return ChunkView(headings=tuple(row.headings), **{name: row._mapping[name] for name in names})
