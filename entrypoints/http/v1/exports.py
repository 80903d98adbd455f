"""Exports: all that is held on a person, as a zip of JSON files."""

from typing import Annotated, Any, Final

from fastapi import Depends, Request
from starlette.responses import Response, StreamingResponse

from application.operations.exports import ExportNotReady, ExportService
from application.operations.ports import ExportView
from application.shared.unit_of_work import Repeat
from domain.identity.errors import RightsNotHeld, SessionRequired
from domain.shared.actor import Actor, Permission
from domain.shared.errors import ReauthenticationRequired
from entrypoints.http.bodies import JsonBody, Nothing
from entrypoints.http.conditional import tag_of
from entrypoints.http.documented import add_fields, problems
from entrypoints.http.downloads import disposition, parts_after
from entrypoints.http.limits import HEAVY
from entrypoints.http.provided import provided
from entrypoints.http.repeats import repeat_key
from entrypoints.http.representations import changed, place, resource
from entrypoints.http.routers import Router
from entrypoints.http.security import needs, signed_in
from entrypoints.http.v1.schemas.exports import EXPORT, ExportOut, export_out
from entrypoints.http.v1.schemas.values import IdInPath, shown

router = Router("/api/v1", tags=["Users"])

Exports = Annotated[ExportService, provided("exports.service")]
Empty = Annotated[Nothing, Depends(JsonBody(Nothing, {}, optional=True))]
RepeatKey = Annotated[Repeat | None, repeat_key()]
ZIP: Final = "application/zip"
CONTENT: Final[dict[str, Any]] = {
    "description": "The zip.",
    "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}},
}
add_fields(CONTENT, "Content-Disposition")


@router.post(
    "/me/exports",
    status_code=202,
    response_model=ExportOut,
    responses={202: shown(EXPORT, "Location"), **problems(SessionRequired, ReauthenticationRequired)},
)
async def export_account(
    request: Request, actor: Annotated[Actor, signed_in(load=HEAVY)], _: Empty, repeat: RepeatKey, exports: Exports
) -> Response:
    """Have all that is held on oneself packed into a zip. The job at `Location` tells when it is ready; the export is
    there for seven days then, at `/exports/{id}/content`."""
    return _asked(request, await exports.request_own(actor, repeat=repeat), repeat)


@router.post(
    "/users/{user_id}/exports",
    status_code=202,
    response_model=ExportOut,
    responses={202: shown(EXPORT, "Location"), **problems(RightsNotHeld, ReauthenticationRequired)},
)
async def export_user(
    request: Request,
    actor: Annotated[Actor, needs(Permission.USERS_WRITE, load=HEAVY)],
    user_id: IdInPath,
    _: Empty,
    repeat: RepeatKey,
    exports: Exports,
) -> Response:
    """Have all that is held on a person packed into a zip, by somebody who has all the rights of that person."""
    return _asked(request, await exports.request(actor, user_id, repeat=repeat), repeat)


@router.get("/exports/{export_id}", response_model=ExportOut, responses={200: shown(EXPORT, "ETag")})
async def get_export(
    request: Request, actor: Annotated[Actor, signed_in()], export_id: IdInPath, exports: Exports
) -> Response:
    """How far an export is; for its person, and for those with `users:write` and all rights of that person."""
    view = await exports.get(actor, export_id)
    return resource(request, export_out(view), tag_of(view))


@router.get(
    "/exports/{export_id}/content",
    response_class=Response,
    responses={200: CONTENT, **problems(ExportNotReady)},
)
async def get_export_content(
    actor: Annotated[Actor, signed_in("", load=HEAVY)], export_id: IdInPath, exports: Exports
) -> Response:
    """The zip: one JSON file each for the account, sessions, keys, groups, grants, documents, answers, jobs and what
    the audit trail holds of the person. Secrets are not in it."""
    view, parts = await exports.content(actor, export_id)
    headers = {
        "Content-Length": str(view.bytes),
        "Content-Type": ZIP,
        "Content-Disposition": disposition(f"export-{view.user_id}.zip"),
        "Cache-Control": "private, no-store",
    }
    return StreamingResponse(parts_after(await anext(parts), parts), headers=headers)


def _asked(request: Request, view: ExportView, repeat: Repeat | None) -> Response:
    return changed(export_out(view), status=202, location=place(request, "jobs", str(view.job_id)), repeat=repeat)
