"""Jobs as version 1 shows them."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from application.operations.ports import JobView
from domain.operations.jobs import JobStatus
from domain.shared.values import Instant
from entrypoints.http.lists import ListParameters
from entrypoints.http.v1.schemas.values import (
    EXAMPLE_ID,
    EXAMPLE_TIME,
    OTHER_ID,
    Id,
    PageOut,
    RefusalOut,
    refusal,
)


class JobParameters(ListParameters):
    status: Annotated[JobStatus | None, Field(description="How far it has come.")] = None
    kind: Annotated[str | None, Field(description="Such as ingest.", max_length=100)] = None
    subject_id: Annotated[Id | None, Field(description="The resource that is worked on.")] = None


class ProgressOut(TypedDict):
    """Counted, never invented; `total` is 0 until it is known."""

    done: int
    total: int
    unit: str


class JobOut(TypedDict):
    id: UUID
    kind: str
    subject_id: UUID
    status: JobStatus
    progress: ProgressOut
    attempts: int
    error: RefusalOut | None
    created_at: Instant
    updated_at: Instant


class JobsOut(PageOut):
    items: list[JobOut]


def job_out(view: JobView) -> JobOut:
    return {
        "id": view.id,
        "kind": view.kind,
        "subject_id": view.subject_id,
        "status": JobStatus(view.status),
        "progress": {"done": view.done, "total": view.total, "unit": view.unit},
        "attempts": view.attempts,
        "error": refusal(view.error_code, view.error_detail),
        "created_at": view.created_at,
        "updated_at": view.updated_at,
    }


EVENT: Final = 'id: 3.32\nevent: job\ndata: {"id": "019a3c4e-7b55-7f02-8a41-90e2d3c4b5a6", "status": "running", …}\n\n'
JOB: Final = {
    "id": OTHER_ID,
    "kind": "ingest",
    "subject_id": EXAMPLE_ID,
    "status": "running",
    "progress": {"done": 32, "total": 118, "unit": "chunks"},
    "attempts": 1,
    "error": None,
    "created_at": EXAMPLE_TIME,
    "updated_at": EXAMPLE_TIME,
}
