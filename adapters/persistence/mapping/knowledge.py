"""Rows of knowledge."""

from typing import Any
from uuid import UUID

from adapters.persistence.tracking import AggregateMapping, Owned, Row, Unique
from domain.knowledge.answers import Answer, AnswerMode, Citation, Source
from domain.knowledge.collections import Collection, Grant, Level, SubjectType
from domain.knowledge.documents import Content, Document, DocumentStatus
from domain.knowledge.errors import ExternalIdTaken
from domain.shared.entity import plain

EVERYONE = UUID(int=0)
"""Stands for the missing subject id of everyone, because a key column cannot be NULL."""


def collection_to_row(collection: Collection) -> Row:
    grants = [
        {
            "collection_id": collection.id,
            "subject_type": grant.subject_type.value,
            "subject_id": grant.subject_id or EVERYONE,
            "level": grant.level.value,
        }
        for grant in collection.grants
    ]
    return {
        "name": collection.name,
        "description": collection.description,
        "metadata": dict(collection.metadata),
        "grants": sorted(grants, key=lambda grant: (grant["subject_type"], str(grant["subject_id"]))),
    }


def collection_from_row(row: Row) -> Collection:
    return Collection(
        id=row["id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        name=row["name"],
        description=row["description"],
        metadata=row["metadata"],
        grants=frozenset(grant_from_row(owned) for owned in row["grants"]),
    )


def grant_from_row(row: Row) -> Grant:
    subject = SubjectType(row["subject_type"])
    return Grant(subject, None if subject is SubjectType.EVERYONE else row["subject_id"], Level(row["level"]))


def document_to_row(document: Document) -> Row:
    return {
        "collection_id": document.collection_id,
        "external_id": document.external_id,
        "dedupe_key": document.dedupe_key,
        "title": document.title,
        "titled": document.titled,
        "blob_key": document.content.blob_key,
        "content_hash": document.content.content_hash,
        "bytes": document.content.bytes,
        "media_type": document.content.media_type,
        "file_name": document.content.file_name,
        "status": document.status.value,
        "error_code": document.error_code,
        "error_detail": document.error_detail,
        "chunk_count": document.chunk_count,
        "language": document.language,
        "metadata": dict(document.metadata),
    }


def document_from_row(row: Row) -> Document:
    return Document(
        id=row["id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
        collection_id=row["collection_id"],
        external_id=row["external_id"],
        title=row["title"],
        titled=row["titled"],
        content=Content(
            blob_key=row["blob_key"],
            content_hash=row["content_hash"],
            bytes=row["bytes"],
            media_type=row["media_type"],
            file_name=row["file_name"],
        ),
        status=DocumentStatus(row["status"]),
        error_code=row["error_code"],
        error_detail=row["error_detail"],
        chunk_count=row["chunk_count"],
        language=row["language"],
        metadata=row["metadata"],
    )


CITATION = ("n", "document_id", "chunk_id", "quote", "start", "end", "page")
SOURCE = ("document_id", "collection_id", "chunk_id", "title", "score", "start", "end", "page")


def answer_to_row(answer: Answer) -> Row:
    return {
        "owner_id": answer.owner_id,
        "question": answer.question,
        "mode": answer.mode.value,
        "text": answer.text,
        "citations": [_members(citation, CITATION) for citation in answer.citations],
        "model": answer.model,
        "usage": dict(answer.usage) if answer.usage is not None else None,
        "took_ms": answer.took_ms,
        "sources": [_members(source, SOURCE) for source in answer.sources],
    }


def answer_from_row(row: Row) -> Answer:
    return Answer(
        id=row["id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        owner_id=row["owner_id"],
        question=row["question"],
        mode=AnswerMode(row["mode"]),
        text=row["text"],
        citations=tuple(Citation(**_with_ids(item)) for item in row["citations"]),
        model=row["model"],
        usage=row["usage"],
        took_ms=row["took_ms"],
        sources=tuple(Source(**_with_ids(item)) for item in row["sources"] or ()),
    )


def _members(value: Any, names: tuple[str, ...]) -> Row:
    return {name: plain(getattr(value, name)) for name in names}


def _with_ids(members: Row) -> Row:
    return {name: UUID(value) if name.endswith("_id") else value for name, value in members.items()}


COLLECTIONS = AggregateMapping[Collection](
    kind="collection",
    table="collections",
    to_row=collection_to_row,
    from_row=collection_from_row,
    owned=(Owned("grants", "collection_grants", "collection_id"),),
    personal=frozenset({"name", "description", "metadata"}),
)
DOCUMENTS = AggregateMapping[Document](
    kind="document",
    table="documents",
    to_row=document_to_row,
    from_row=document_from_row,
    unique=(Unique(("collection_id", "dedupe_key"), ExternalIdTaken),),
    personal=frozenset({"title", "external_id", "dedupe_key", "file_name", "metadata"}),
)
ANSWERS = AggregateMapping[Answer](
    kind="answer",
    table="answers",
    to_row=answer_to_row,
    from_row=answer_from_row,
    personal=frozenset({"question", "text", "citations", "sources"}),
    private=True,
)
