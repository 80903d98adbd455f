"""Documents: what was handed in, in which state it is, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from domain.shared.entity import Aggregate, DomainEvent
from domain.shared.errors import Invalid, Violation
from domain.shared.values import Instant, new_id

TITLE_MAX = 500
EXTERNAL_ID_MAX = 200


class DocumentStatus(StrEnum):
    QUEUED = "queued"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The bytes of a document as they lie in the blob store under `blob_key`."""

    blob_key: str
    content_hash: str
    bytes: int
    media_type: str
    file_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentQueued(DomainEvent):
    name: ClassVar[str] = "knowledge.document_queued.v1"
    document_id: UUID
    collection_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReady(DomainEvent):
    """Its chunks were written in the same transaction; indexes load them by document."""

    name: ClassVar[str] = "knowledge.document_ready.v1"
    document_id: UUID
    collection_id: UUID
    chunk_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFailed(DomainEvent):
    name: ClassVar[str] = "knowledge.document_failed.v1"
    document_id: UUID
    collection_id: UUID
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentChanged(DomainEvent):
    name: ClassVar[str] = "knowledge.document_changed.v1"
    document_id: UUID
    collection_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReplaced(DomainEvent):
    """New content came in; the bytes under `blob_key` are those of the version before."""

    name: ClassVar[str] = "knowledge.document_replaced.v1"
    document_id: UUID
    collection_id: UUID
    blob_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDeleted(DomainEvent):
    name: ClassVar[str] = "knowledge.document_deleted.v1"
    document_id: UUID
    collection_id: UUID
    blob_key: str


@dataclass(eq=False, slots=True, kw_only=True)
class Document(Aggregate):
    """One document of a collection. Within it `external_id` is unique, and so is the content of those without one."""

    collection_id: UUID
    title: str
    content: Content
    external_id: str | None = None
    status: DocumentStatus = DocumentStatus.QUEUED
    error_code: str | None = None
    error_detail: str | None = None
    chunk_count: int = 0
    language: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    titled: bool = True

    @classmethod
    def submit(
        cls,
        *,
        collection_id: UUID,
        title: str | None,
        content: Content,
        external_id: str | None,
        metadata: Mapping[str, Any],
        at: Instant,
    ) -> "Document":
        """Take a new document in, queued. Without a title its file name stands in until extraction finds one."""
        document = cls(
            id=new_id(),
            created_at=at,
            updated_at=at,
            collection_id=collection_id,
            title=_title(title if title is not None else content.file_name or ""),
            titled=bool(title and title.strip()),
            content=content,
            external_id=_external_id(external_id),
            metadata=metadata,
        )
        document.record(DocumentQueued(document_id=document.id, collection_id=collection_id, at=at))
        return document

    @property
    def dedupe_key(self) -> str:
        """Unique within the collection."""
        return f"id:{self.external_id}" if self.external_id is not None else f"sha256:{self.content.content_hash}"

    def replace(self, *, title: str | None, content: Content, metadata: Mapping[str, Any], at: Instant) -> None:
        """Take new content under the same external_id; the old chunks serve until the new ones are ready."""
        old_key = self.content.blob_key
        self.content, self.metadata = content, metadata
        self.record(DocumentReplaced(document_id=self.id, collection_id=self.collection_id, blob_key=old_key, at=at))
        if title is not None:
            self.title, self.titled = _title(title), bool(title.strip())
        self.requeue(at)

    def requeue(self, at: Instant) -> None:
        """Have it ingested again."""
        self.status, self.error_code, self.error_detail = DocumentStatus.QUEUED, None, None
        self.record(DocumentQueued(document_id=self.id, collection_id=self.collection_id, at=at))

    def describe(self, *, title: str, metadata: Mapping[str, Any], at: Instant) -> None:
        """Change title and metadata. A new title is part of every chunk, so it wants a `requeue` after it."""
        self.title, self.titled, self.metadata = _title(title), True, metadata
        self.record(DocumentChanged(document_id=self.id, collection_id=self.collection_id, at=at))

    def ready(self, *, chunk_count: int, media_type: str, title: str | None, at: Instant) -> None:
        """Ingested; `title` is the one that extraction found, taken where none was given."""
        self.status, self.error_code, self.error_detail = DocumentStatus.READY, None, None
        self.chunk_count = chunk_count
        if title and title.strip() and not self.titled:
            self.title = title.strip()[:TITLE_MAX]
        if media_type != self.content.media_type:
            self.content = Content(
                blob_key=self.content.blob_key,
                content_hash=self.content.content_hash,
                bytes=self.content.bytes,
                media_type=media_type,
                file_name=self.content.file_name,
            )
        self.record(
            DocumentReady(document_id=self.id, collection_id=self.collection_id, chunk_count=chunk_count, at=at)
        )

    def fail(self, *, code: str, detail: str, at: Instant) -> None:
        """Ingestion gave nothing; the code names the reason."""
        self.status, self.error_code, self.error_detail, self.chunk_count = DocumentStatus.FAILED, code, detail, 0
        self.record(DocumentFailed(document_id=self.id, collection_id=self.collection_id, code=code, at=at))

    def delete(self, at: Instant) -> None:
        """Record the end; the unit of work removes the row and its chunks, a reaction the bytes."""
        self.record(
            DocumentDeleted(
                document_id=self.id, collection_id=self.collection_id, blob_key=self.content.blob_key, at=at
            )
        )


def _title(text: str) -> str:
    title = text.strip()
    if len(title) > TITLE_MAX:
        raise Invalid(violations=[Violation("/title", "length", f"Use at most {TITLE_MAX} characters.")])
    return title


def _external_id(text: str | None) -> str | None:
    if text is None:
        return None
    if not text.strip() or len(text) > EXTERNAL_ID_MAX:
        detail = f"Use 1 to {EXTERNAL_ID_MAX} characters."
        raise Invalid(violations=[Violation("/external_id", "length", detail)])
    return text
