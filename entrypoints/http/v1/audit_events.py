"""The audit trail."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from application.audit.proving import EntryAltered, EntryUnsealed, ProofService
from application.audit.trail import AuditService
from application.audit.verifying import VerifyService
from application.shared.unit_of_work import Repeat
from domain.shared.actor import Actor, Permission
from domain.shared.values import ListQuery
from entrypoints.http.bodies import JsonBody
from entrypoints.http.documented import problems
from entrypoints.http.limits import HEAVY
from entrypoints.http.lists import ListParameters, listing, page_response
from entrypoints.http.provided import provided
from entrypoints.http.repeats import repeat_key
from entrypoints.http.representations import changed, content_tag, place, resource
from entrypoints.http.routers import Router
from entrypoints.http.security import needs
from entrypoints.http.v1.schemas.audit_events import (
    AUDIT_EVENT,
    AuditEventOut,
    AuditEventsOut,
    AuditParameters,
    audit_event_out,
)
from entrypoints.http.v1.schemas.audit_proofs import (
    CHECKPOINT,
    PROOF,
    CheckpointsOut,
    EventProofOut,
    checkpoint_out,
    proof_out,
)
from entrypoints.http.v1.schemas.audit_verdicts import (
    QUEUED,
    VERIFICATION,
    VerificationIn,
    VerificationOut,
    verification_out,
)
from entrypoints.http.v1.schemas.values import IdInPath, page_of, shown

router = Router("/api/v1/audit-events", tags=["Audit"])

checkpoints = Router("/api/v1/audit-checkpoints", tags=["Audit"])

Trail = Annotated[AuditService, provided("audit.trail")]
Proofs = Annotated[ProofService, provided("audit.proofs")]
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


@router.get(
    "/{event_id}/proof",
    response_model=EventProofOut,
    responses={200: shown(PROOF, "ETag"), **problems(EntryUnsealed, EntryAltered)},
)
async def prove_audit_event(request: Request, actor: Auditor, event_id: IdInPath, proofs: Proofs) -> Response:
    """What it takes to check by oneself that an entry is part of the trail; the guide on the audit trail says how."""
    proof = proof_out(event_id, *await proofs.proof(actor, event_id))
    return resource(request, proof, content_tag(proof))


@router.post(
    "/verify",
    response_model=VerificationOut,
    responses={
        200: shown(VERIFICATION),
        202: {"description": "A job looks.", "model": VerificationOut, **shown(QUEUED, "Location")},
    },
)
async def verify_audit_events(
    request: Request,
    actor: Annotated[Actor, needs(Permission.AUDIT_READ, load=HEAVY)],
    content: Annotated[VerificationIn, Depends(JsonBody(VerificationIn, {"first_sequence": 1}, optional=True))],
    repeat: Annotated[Repeat | None, repeat_key()],
    verifying: Annotated[VerifyService, provided("audit.verifying")],
) -> Response:
    """Hold entries against their seals, and seals against each other and against the heads that were copied out.

    Up to 10,000 entries the answer is the verdict; of more it is 202 and a job, which fails with `audit_tampered` and
    the place where anything differs.
    """
    first, last = content.first_sequence, content.last_sequence
    answer = await verifying.verify(actor, first, last, repeat=repeat)
    told = verification_out(answer.verdict, answer.job_id)
    if answer.job_id is None:
        return changed(told, repeat=repeat)
    return changed(told, status=202, location=place(request, "jobs", answer.job_id), repeat=repeat)


@checkpoints.get("", response_model=CheckpointsOut, responses={200: page_of(CHECKPOINT)})
async def list_audit_checkpoints(
    request: Request, actor: Auditor, query: Annotated[ListQuery, listing(ListParameters, "number")], proofs: Proofs
) -> Response:
    """Signed heads of the trail. Keep one elsewhere: it proves all entries before it, whatever becomes of the rest."""
    page = await proofs.heads(actor, query)
    return await page_response(request, query, page, [checkpoint_out(head) for head in page.items])
