"""Documents: handed in, read, described, deleted, ingested again."""

from typing import Annotated, Any, Final

from fastapi import Depends, Request
from starlette.responses import Response, StreamingResponse

from application.knowledge.documents import DocumentService
from application.knowledge.hand_in import HandIn
from application.knowledge.views import DocumentView, Submission
from application.shared.unit_of_work import Repeat
from domain.knowledge.errors import ExternalIdTaken
from domain.shared.actor import Actor, Permission
from domain.shared.values import ListQuery
from entrypoints.http.bodies import JsonBody, MergePatch, Nothing, Patch
from entrypoints.http.conditional import Precondition, if_match, is_known, tag_of
from entrypoints.http.documented import add_fields, problems
from entrypoints.http.downloads import disposition, parts_after
from entrypoints.http.exchange import exchange_of
from entrypoints.http.hand_ins import HandInBody
from entrypoints.http.limits import HEAVY
from entrypoints.http.lists import listing, page_response
from entrypoints.http.provided import provided
from entrypoints.http.repeats import repeat_key
from entrypoints.http.representations import REVALIDATE, changed, no_content, place, resource
from entrypoints.http.routers import Router
from entrypoints.http.security import also, needs
from entrypoints.http.v1.schemas.documents import (
    CHUNK,
    DOCUMENT,
    SUBMISSION,
    ChunkParameters,
    ChunksOut,
    DocumentContent,
    DocumentOut,
    DocumentParameters,
    DocumentsOut,
    SubmissionOut,
    chunk_out,
    document_out,
    submission_out,
)
from entrypoints.http.v1.schemas.values import IdInPath, page_of, shown

router = Router("/api/v1", tags=["Documents"])

Documents = Annotated[DocumentService, provided("knowledge.documents")]
Reader = Annotated[Actor, needs(Permission.DOCUMENTS_READ)]
Writer = Annotated[Actor, needs(Permission.DOCUMENTS_WRITE)]
Ingester = Annotated[Actor, needs(Permission.DOCUMENTS_WRITE, load=HEAVY)]
RepeatKey = Annotated[Repeat | None, repeat_key()]
IfMatch = Annotated[Precondition, if_match(required=False)]
Empty = Annotated[Nothing, Depends(JsonBody(Nothing, {}, optional=True))]
EXISTED = {**shown({"document": {**DOCUMENT, "status": "ready"}, "job": None}, "Location"), "model": SubmissionOut}
BYTES: Final = {"schema": {"type": "string", "format": "binary"}}
CONTENT: Final[dict[str, Any]] = {"content": {"application/octet-stream": BYTES, "*/*": BYTES}}
"""In whatever media type the document was handed in; clients that want to be told one take it as plain bytes."""
add_fields(CONTENT, "ETag", "Content-Disposition")


@router.post(
    "/collections/{collection_id}/documents",
    status_code=202,
    response_model=SubmissionOut,
    responses={
        200: {"description": "The same content is there already.", **EXISTED},
        202: shown(SUBMISSION, "Location"),
        **problems(ExternalIdTaken),
    },
)
async def submit_document(
    request: Request,
    actor: Ingester,
    collection_id: IdInPath,
    hand_in: Annotated[HandIn, Depends(HandInBody())],
    repeat: RepeatKey,
    documents: Documents,
) -> Response:
    """Hand in a file (multipart) or a text (JSON). It is listed at once, and found when its job has ended.

    The same content with the same or no `external_id` gives the document that is there; the same `external_id` with
    other content makes a new version, and the old one is found until the new one is ready.
    """
    submission = await documents.submit(actor, collection_id, hand_in, repeat=repeat)
    return _submitted(request, submission, repeat)


@router.get("/collections/{collection_id}/documents", response_model=DocumentsOut, responses={200: page_of(DOCUMENT)})
async def list_documents(
    request: Request,
    actor: Reader,
    collection_id: IdInPath,
    query: Annotated[ListQuery, listing(DocumentParameters, "created_at")],
    documents: Documents,
) -> Response:
    """The documents of one collection, in whatever state they are."""
    page = await documents.page(actor, collection_id, query)
    return await page_response(request, query, page, [document_out(view) for view in page.items])


@router.get("/documents/{document_id}", response_model=DocumentOut, responses={200: shown(DOCUMENT, "ETag")})
async def get_document(request: Request, actor: Reader, document_id: IdInPath, documents: Documents) -> Response:
    """One document with its state."""
    view = await documents.get(actor, document_id)
    return resource(request, document_out(view), tag_of(view))


@router.patch("/documents/{document_id}", response_model=DocumentOut, responses={200: shown(DOCUMENT, "ETag")})
async def change_document(
    actor: Writer,
    document_id: IdInPath,
    patch: Annotated[Patch[DocumentContent], Depends(MergePatch(DocumentContent, {"metadata": {"year": 2026}}))],
    precondition: IfMatch,
    documents: Documents,
) -> Response:
    """Change title or metadata. A new title is part of every chunk, so the document is ingested again."""

    async def change(seen: DocumentView, expected: int) -> DocumentView:
        content = patch.onto({"title": seen.title, "metadata": seen.metadata})
        return await documents.change(
            actor, document_id, title=content.title, metadata=content.metadata, expected=expected
        )

    view = await precondition.hold(lambda: documents.get(_seeing(actor), document_id), change, tag_of)
    return changed(document_out(view), tag_of(view))


@router.delete("/documents/{document_id}", status_code=204)
async def delete_document(
    actor: Annotated[Actor, needs(Permission.DOCUMENTS_WRITE, "")],
    document_id: IdInPath,
    precondition: IfMatch,
    documents: Documents,
) -> Response:
    """Remove a document in whatever state it is. From then on neither searches nor answers know it."""
    await precondition.hold(
        lambda: documents.get(_seeing(actor), document_id),
        lambda _, expected: documents.delete(actor, document_id, expected=expected),
        tag_of,
    )
    return no_content()


@router.get(
    "/documents/{document_id}/content",
    response_class=Response,
    responses={200: CONTENT},
)
async def get_content(
    request: Request,
    actor: Annotated[Actor, needs(Permission.DOCUMENTS_READ, "", load=HEAVY)],
    document_id: IdInPath,
    documents: Documents,
) -> Response:
    """The original bytes, to be saved and never shown in place."""
    view, parts = await documents.content(actor, document_id)
    headers = {"ETag": f'"{view.content_hash}"', "Cache-Control": REVALIDATE}
    if is_known(exchange_of(request).header(b"if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    first = await anext(parts, b"")
    headers |= {
        "Content-Length": str(view.bytes),
        "Content-Type": view.media_type,
        "Content-Disposition": disposition(view.file_name or str(view.id)),
    }
    return StreamingResponse(parts_after(first, parts), headers=headers)


@router.get("/documents/{document_id}/chunks", response_model=ChunksOut, responses={200: page_of(CHUNK)})
async def list_chunks(
    request: Request,
    actor: Reader,
    document_id: IdInPath,
    query: Annotated[ListQuery, listing(ChunkParameters, "ordinal", descending=False)],
    documents: Documents,
) -> Response:
    """The chunks of a document in their order, with page and place."""
    page = await documents.chunks(actor, document_id, query)
    return await page_response(request, query, page, [chunk_out(view) for view in page.items])


@router.post(
    "/documents/{document_id}/reingest",
    status_code=202,
    response_model=SubmissionOut,
    responses={202: shown(SUBMISSION, "Location")},
)
async def reingest_document(
    request: Request, actor: Ingester, document_id: IdInPath, _: Empty, repeat: RepeatKey, documents: Documents
) -> Response:
    """Extract, cut and embed a document again; what is there serves until the new chunks are ready."""
    return _submitted(request, await documents.reingest(actor, document_id, repeat=repeat), repeat)


def _submitted(request: Request, submission: Submission, repeat: Repeat | None) -> Response:
    location = place(request, "documents", submission.document.id)
    status = 200 if submission.existed else 202
    return changed(submission_out(submission), status=status, location=location, repeat=repeat)


def _seeing(actor: Actor) -> Actor:
    return also(actor, Permission.DOCUMENTS_READ)
