"""Documents and their chunks as version 1 takes and shows them."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from application.knowledge.views import ChunkView, DocumentView, Submission
from domain.knowledge.documents import EXTERNAL_ID_MAX, TITLE_MAX, DocumentStatus
from domain.shared.values import Instant
from entrypoints.http.bodies import Input
from entrypoints.http.lists import ListParameters
from entrypoints.http.v1.schemas.values import (
    EXAMPLE_ID,
    EXAMPLE_TIME,
    LINE,
    OTHER_ID,
    Metadata,
    PageOut,
    RefusalOut,
    refusal,
    texts_only,
)

Title = Annotated[str, Field(max_length=TITLE_MAX)]
ExternalId = Annotated[str, Field(min_length=1, max_length=EXTERNAL_ID_MAX, pattern=LINE)]


FILE: Final = "file"


def _with_file(schema: dict[str, Any]) -> None:
    """Add the part that does not pass through the model, because it goes to disk."""
    texts_only(schema)
    schema["properties"] = {FILE: {"type": "string", "format": "binary"}, **schema["properties"]}
    schema["required"] = [FILE]


class NewDocument(Input):
    """A document as text. Files and longer texts go by multipart."""

    text: str
    title: Title | None = None
    metadata: Metadata = Field(default_factory=dict)
    external_id: ExternalId | None = None


class DocumentUpload(Input):
    """A file with what goes with it, each in a part of its own; `metadata` is written as JSON."""

    model_config = ConfigDict(json_schema_extra=_with_file)

    title: Title | None = None
    metadata: Metadata = Field(default_factory=dict)
    external_id: ExternalId | None = None


class DocumentContent(Input):
    """What of a document can be changed without handing it in again."""

    title: Title
    metadata: Metadata


class DocumentParameters(ListParameters):
    external_id: Annotated[str | None, Field(description="Exactly this one.")] = None
    status: Annotated[DocumentStatus | None, Field(description="How far it has come.")] = None
    media_type: Annotated[str | None, Field(description="Such as application/pdf.")] = None
    content_hash: Annotated[str | None, Field(description="SHA-256 of the bytes, in hex.")] = None


class ChunkParameters(ListParameters):
    pass


class DocumentOut(TypedDict):
    id: UUID
    collection_id: UUID
    external_id: str | None
    title: str
    media_type: str
    bytes: int
    content_hash: str
    file_name: str | None
    status: DocumentStatus
    error: RefusalOut | None
    chunk_count: int
    language: str | None
    metadata: dict[str, Any]
    created_at: Instant
    updated_at: Instant
    version: int


class DocumentsOut(PageOut):
    items: list[DocumentOut]


class JobReferenceOut(TypedDict):
    id: UUID
    status: Literal["queued"]


class SubmissionOut(TypedDict):
    """The document, and the job that ingests it; null where the content was there already."""

    document: DocumentOut
    job: JobReferenceOut | None


class ChunkOut(TypedDict):
    """Characters [start, end) of the document's text."""

    id: UUID
    document_id: UUID
    ordinal: int
    text: str
    headings: list[str]
    page: int | None
    start: int
    end: int


class ChunksOut(PageOut):
    items: list[ChunkOut]


def document_out(view: DocumentView) -> DocumentOut:
    return {
        "id": view.id,
        "collection_id": view.collection_id,
        "external_id": view.external_id,
        "title": view.title,
        "media_type": view.media_type,
        "bytes": view.bytes,
        "content_hash": view.content_hash,
        "file_name": view.file_name,
        "status": DocumentStatus(view.status),
        "error": refusal(view.error_code, view.error_detail),
        "chunk_count": view.chunk_count,
        "language": view.language,
        "metadata": dict(view.metadata),
        "created_at": view.created_at,
        "updated_at": view.updated_at,
        "version": view.version,
    }


def submission_out(submission: Submission) -> SubmissionOut:
    job: JobReferenceOut | None = {"id": submission.job_id, "status": "queued"} if submission.job_id else None
    return {"document": document_out(submission.document), "job": job}


def chunk_out(view: ChunkView) -> ChunkOut:
    return {
        "id": view.id,
        "document_id": view.document_id,
        "ordinal": view.ordinal,
        "text": view.text,
        "headings": list(view.headings),
        "page": view.page,
        "start": view.start,
        "end": view.end,
    }


NEW_DOCUMENT: Final = {"title": "Leave", "text": "Everyone has thirty days of leave a year.", "external_id": "hr-7"}
DOCUMENT: Final = {
    "id": EXAMPLE_ID,
    "collection_id": OTHER_ID,
    "external_id": "hr-7",
    "title": "Leave",
    "media_type": "text/plain",
    "bytes": 41,
    "content_hash": "7d9e3a8f5b1c2d4e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6",
    "file_name": None,
    "status": "queued",
    "error": None,
    "chunk_count": 0,
    "language": None,
    "metadata": {},
    "created_at": EXAMPLE_TIME,
    "updated_at": EXAMPLE_TIME,
    "version": 1,
}
UPLOAD: Final = {"file": "(the bytes of leave.pdf)", "title": "Leave", "metadata": {"year": 2026}}
SUBMISSION: Final = {"document": DOCUMENT, "job": {"id": OTHER_ID, "status": "queued"}}
CHUNK: Final = {
    "id": OTHER_ID,
    "document_id": EXAMPLE_ID,
    "ordinal": 0,
    "text": "Everyone has thirty days of leave a year.",
    "headings": [],
    "page": None,
    "start": 0,
    "end": 41,
}
