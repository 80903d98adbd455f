"""Audit events as version 1 shows them."""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from application.audit.ports import AuditEvent
from domain.shared.values import Instant
from entrypoints.http.lists import ListParameters
from entrypoints.http.v1.schemas.values import EXAMPLE_ID, EXAMPLE_TIME, OTHER_ID, PageOut, Time


class AuditParameters(ListParameters):
    actor: Annotated[str | None, Field(description="The id of who acted.", max_length=200)] = None
    action: Annotated[str | None, Field(description="Such as user.create.", max_length=200)] = None
    target_type: Annotated[str | None, Field(description="Such as user or collection.", max_length=100)] = None
    target_id: Annotated[str | None, Field(description="The id of what was changed.", max_length=200)] = None
    from_: Annotated[Time | None, Field(alias="from", description="At this time or later.")] = None
    to: Annotated[Time | None, Field(description="Before this time.")] = None


class ActorOut(TypedDict):
    type: str
    id: str | None
    name: str | None


class TargetOut(TypedDict):
    type: str
    id: str


class AuditEventOut(TypedDict):
    """`sequence` is null until the entry is sealed, at most a second."""

    id: UUID
    sequence: int | None
    at: Instant
    actor: ActorOut
    action: str
    target: TargetOut
    outcome: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str
    client_address: str | None


class AuditEventsOut(PageOut):
    items: list[AuditEventOut]


def audit_event_out(event: AuditEvent) -> AuditEventOut:
    return {
        "id": event.id,
        "sequence": event.sequence,
        "at": event.at,
        "actor": {"type": event.actor_type, "id": event.actor_id, "name": event.actor_name},
        "action": event.action,
        "target": {"type": event.target_type, "id": event.target_id},
        "outcome": event.outcome,
        "before": None if event.before is None else dict(event.before),
        "after": None if event.after is None else dict(event.after),
        "request_id": event.request_id,
        "client_address": event.client_address,
    }


AUDIT_EVENT: Final = {
    "id": OTHER_ID,
    "sequence": 4711,
    "at": EXAMPLE_TIME,
    "actor": {"type": "user", "id": EXAMPLE_ID, "name": "Ada Lovelace"},
    "action": "user.disable",
    "target": {"type": "user", "id": OTHER_ID},
    "outcome": "success",
    "before": {"status": "active"},
    "after": {"status": "disabled"},
    "request_id": "019a3c4e-8f00-7a61-b2f4-5d3c0e9a1b27",
    "client_address": "192.0.2.17",
}
