"""The body of a hand-in: a file with fields as multipart, or a text as JSON."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request
from pydantic import BaseModel

from application.knowledge.hand_in import HandIn
from domain.shared.errors import Invalid, TooLarge, UnsupportedMedia, Violation
from entrypoints.http import strict_json
from entrypoints.http.bodies import JsonBody, canonical, validated
from entrypoints.http.content import JSON, MULTIPART, media_type_of
from entrypoints.http.documented import SCHEMA_REFERENCE, add_problem
from entrypoints.http.exchange import exchange_of
from entrypoints.http.uploads import MalformedMultipart, Upload, received
from entrypoints.http.v1.schemas.documents import FILE, NEW_DOCUMENT, UPLOAD, DocumentUpload, NewDocument

FIELDS = frozenset(DocumentUpload.model_fields)


class HandInBody:
    """What is handed in. A file lies on disk until the route is done with it."""

    def __init__(self) -> None:
        self._json = JsonBody(NewDocument, NEW_DOCUMENT)

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        return (NewDocument, DocumentUpload)

    async def __call__(self, request: Request) -> AsyncIterator[HandIn]:
        if media_type_of(request, (JSON, MULTIPART)) == JSON:
            yield _of_text(await self._json(request))
            return
        async with received(request, FILE, FIELDS) as upload:
            members = _members(upload)
            file = [upload.file_name, upload.media_type, upload.content_hash]
            exchange_of(request).members = canonical([members, file])
            yield _of_file(upload, members)

    def describe(self, operation: dict[str, Any]) -> None:
        self._json.describe(operation)
        operation["requestBody"]["content"][MULTIPART] = {
            "schema": {"$ref": SCHEMA_REFERENCE.format(model=DocumentUpload.__name__)},
            "example": UPLOAD,
            "encoding": {"metadata": {"contentType": JSON}},
        }
        for refusal in (MalformedMultipart, TooLarge, UnsupportedMedia):
            add_problem(operation, refusal)


def _of_text(content: NewDocument) -> HandIn:
    return HandIn.of_text(content.text, title=content.title, metadata=content.metadata, external_id=content.external_id)


def _members(upload: Upload) -> dict[str, Any]:
    """The fields beside the file; one that was left empty counts as left out, as browsers send it."""
    members: dict[str, Any] = {name: text for name, text in upload.fields.items() if text}
    if "metadata" in members:
        members["metadata"] = strict_json.parse(members["metadata"].encode())
    return members


def _of_file(upload: Upload, members: dict[str, Any]) -> HandIn:
    if upload.path is None:
        raise Invalid(violations=[Violation(f"/{FILE}", "missing", "Send the file in this part.")])
    fields = validated(DocumentUpload, members)
    return HandIn(
        content=upload.path,
        title=fields.title,
        media_type=upload.media_type,
        file_name=upload.file_name,
        metadata=fields.metadata,
        external_id=fields.external_id,
        content_hash=upload.content_hash,
    )
