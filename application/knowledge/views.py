"""What knowledge shows: plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from application.shared.jobs import JobTicket
from domain.knowledge.answers import Answer, Citation, Source
from domain.knowledge.collections import Collection
from domain.knowledge.documents import Document
from domain.shared.values import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionView:
    id: UUID
    name: str
    description: str
    metadata: Mapping[str, Any]
    created_at: Instant
    updated_at: Instant
    version: int

    @classmethod
    def of(cls, collection: Collection) -> "CollectionView":
        return cls(
            id=collection.id,
            name=collection.name,
            description=collection.description,
            metadata=collection.metadata,
            created_at=collection.created_at,
            updated_at=collection.updated_at,
            version=collection.version,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantView:
    subject_type: str
    subject_id: UUID | None
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantsView:
    """The grants of a collection, sorted; `version` is the collection's."""

    collection_id: UUID
    grants: tuple[GrantView, ...]
    version: int

    @classmethod
    def of(cls, collection: Collection) -> "GrantsView":
        grants = [
            GrantView(subject_type=grant.subject_type.value, subject_id=grant.subject_id, level=grant.level.value)
            for grant in collection.grants
        ]
        grants.sort(key=lambda grant: (grant.subject_type, str(grant.subject_id)))
        return cls(collection_id=collection.id, grants=tuple(grants), version=collection.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentView:
    id: UUID
    collection_id: UUID
    external_id: str | None
    title: str
    media_type: str
    bytes: int
    content_hash: str
    file_name: str | None
    status: str
    error_code: str | None
    error_detail: str | None
    chunk_count: int
    language: str | None
    metadata: Mapping[str, Any]
    created_at: Instant
    updated_at: Instant
    version: int

    @classmethod
    def of(cls, document: Document) -> "DocumentView":
        return cls(
            id=document.id,
            collection_id=document.collection_id,
            external_id=document.external_id,
            title=document.title,
            media_type=document.content.media_type,
            bytes=document.content.bytes,
            content_hash=document.content.content_hash,
            file_name=document.content.file_name,
            status=document.status.value,
            error_code=document.error_code,
            error_detail=document.error_detail,
            chunk_count=document.chunk_count,
            language=document.language,
            metadata=document.metadata,
            created_at=document.created_at,
            updated_at=document.updated_at,
            version=document.version,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What became of a hand-in: the document, the job that ingests it, and whether it was there already.

    `ticket` is the claim on that job, for programs that hand in and ingest by themselves.
    """

    document: DocumentView
    job_id: UUID | None
    existed: bool = False
    ticket: JobTicket | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkView:
    """One chunk as it is stored; characters [start, end) of the document's text."""

    id: UUID
    document_id: UUID
    ordinal: int
    text: str
    headings: tuple[str, ...]
    page: int | None
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """How a score came about: cosine, BM25, and BM25 as a share of the best candidate's."""

    cosine: float | None
    bm25: float
    keyword_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    document_id: UUID
    external_id: str | None
    collection_id: UUID
    chunk_id: UUID
    title: str
    text: str
    score: float
    page: int | None
    start: int
    end: int
    metadata: Mapping[str, Any]
    explain: Explanation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """`mode` is the one that was answered; `degraded` says that a part was down and keywords stood in."""

    items: tuple[SearchHit, ...]
    mode: str
    took_ms: float
    degraded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerView:
    """`withdrawn` tells that parts were taken out, whose documents are gone or out of the asker's reach by now."""

    id: UUID
    question: str
    mode: str
    text: str
    citations: tuple[Citation, ...]
    model: str | None
    usage: Mapping[str, Any] | None
    took_ms: float
    created_at: Instant
    version: int
    sources: tuple[Source, ...] = ()
    withdrawn: bool = False

    @classmethod
    def of(cls, answer: Answer) -> "AnswerView":
        return cls(
            id=answer.id,
            question=answer.question,
            mode=answer.mode.value,
            text=answer.text,
            citations=answer.citations,
            model=answer.model,
            usage=answer.usage,
            took_ms=answer.took_ms,
            created_at=answer.created_at,
            version=answer.version,
            sources=answer.sources,
        )
