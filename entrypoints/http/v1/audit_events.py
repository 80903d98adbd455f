"""The audit trail."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from application.audit.trail import AuditService
from domain.shared.actor import Actor, Permission
from domain.shared.values import ListQuery
from entrypoints.http.lists import listing, page_response
from entrypoints.http.provided import provided
from entrypoints.http.representations import content_tag, resource
from entrypoints.http.security import needs
from entrypoints.http.v1.schemas.audit_events import (
    AUDIT_EVENT,
    AuditEventOut,
    AuditEventsOut,
    AuditParameters,
    audit_event_out,
)
from entrypoints.http.v1.schemas.values import IdInPath, page_of, shown

router = APIRouter(prefix="/api/v1/audit-events", tags=["Audit"])

Trail = Annotated[AuditService, provided("audit.trail")]
Auditor = Annotated[Actor, needs(Permission.AUDIT_READ)]


@router.get("", response_model=AuditEventsOut, responses={200: page_of(AUDIT_EVENT)})
async def list_audit_events(
    request: Request, actor: Auditor, query: Annotated[ListQuery, listing(AuditParameters, "at")], trail: Trail
) -> Response:
    """What was changed, by whom and when. Secrets never appear."""
    page = await trail.page(actor, query)
    return await page_response(request, query, page, [audit_event_out(event) for event in page.items])


@router.get("/{event_id}", response_model=AuditEventOut, responses={200: shown(AUDIT_EVENT, "ETag")})
async def get_audit_event(request: Request, actor: Auditor, event_id: IdInPath, trail: Trail) -> Response:
    """One entry of the trail. It changes once, when it is sealed."""
    event = audit_event_out(await trail.get(actor, event_id))
    return resource(request, event, content_tag(event))
