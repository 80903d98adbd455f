"""Why can, or cannot, somebody see a document?"""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Request
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from application.knowledge.access import AccessExplainer, AccessView
from domain.knowledge.collections import Level
from domain.shared.actor import Actor, Permission
from entrypoints.http.provided import provided
from entrypoints.http.queries import Parameters, Queries
from entrypoints.http.representations import content_tag, resource
from entrypoints.http.routers import Router
from entrypoints.http.security import needs
from entrypoints.http.v1.schemas.values import EXAMPLE_ID, OTHER_ID, Id, IdInPath, shown

router = Router("/api/v1/documents", tags=["Documents"])


class AccessParameters(Parameters):
    user_id: Annotated[Id | None, Field(description="Whose access; one's own by default.")] = None


class GrantPathOut(TypedDict):
    """A way to the document: a grant of its collection to the user, a group or everyone, or a role that sees all."""

    via: Annotated[str, Field(json_schema_extra={"enum": ["user", "group", "everyone", "role"]})]
    subject_id: UUID | None
    level: Level


class AccessOut(TypedDict):
    """`level` is the highest one of `paths`; `missing` names permissions that the user lacks."""

    document_id: UUID
    collection_id: UUID
    user_id: UUID
    readable: bool
    level: Level | None
    paths: list[GrantPathOut]
    missing: list[Permission]


ACCESS: Final = {
    "document_id": EXAMPLE_ID,
    "collection_id": OTHER_ID,
    "user_id": OTHER_ID,
    "readable": True,
    "level": "read",
    "paths": [{"via": "group", "subject_id": EXAMPLE_ID, "level": "read"}],
    "missing": [],
}


@router.get("/{document_id}/access", response_model=AccessOut, responses={200: shown(ACCESS, "ETag")})
async def explain_access(
    request: Request,
    actor: Annotated[Actor, needs(Permission.DOCUMENTS_READ)],
    document_id: IdInPath,
    query: Annotated[AccessParameters, Depends(Queries(AccessParameters))],
    access: Annotated[AccessExplainer, provided("knowledge.access")],
) -> Response:
    """Why a user can or cannot see a document: the grants that lead there, and the permissions that are missing.

    Asking about others needs the level manage on the collection, or users:read.
    """
    shown_access = access_out(await access.explain(actor, document_id, query.user_id))
    return resource(request, shown_access, content_tag(shown_access))


def access_out(view: AccessView) -> AccessOut:
    return {
        "document_id": view.document_id,
        "collection_id": view.collection_id,
        "user_id": view.user_id,
        "readable": view.readable,
        "level": None if view.level is None else Level(view.level),
        "paths": [{"via": path.via, "subject_id": path.subject_id, "level": Level(path.level)} for path in view.paths],
        "missing": [Permission(name) for name in view.missing],
    }
