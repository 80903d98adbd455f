"""Exports as version 1 shows them."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from application.operations.ports import ExportView
from domain.operations.exports import ExportStatus
from domain.shared.values import Instant
from entrypoints.http.v1.schemas.values import EXAMPLE_ID, EXAMPLE_TIME, OTHER_ID


class ExportOut(TypedDict):
    """One person has one export; asking again makes it anew."""

    id: UUID
    user_id: UUID
    status: ExportStatus
    bytes: Annotated[int | None, Field(description="Size of the zip, once it is ready.")]
    created_at: Instant
    expires_at: Annotated[Instant, Field(description="From then on nobody gets it any more.")]


def export_out(view: ExportView) -> ExportOut:
    return {
        "id": view.id,
        "user_id": view.user_id,
        "status": ExportStatus(view.status),
        "bytes": view.bytes,
        "created_at": view.created_at,
        "expires_at": view.expires_at,
    }


EXPORT: Final = {
    "id": OTHER_ID,
    "user_id": EXAMPLE_ID,
    "status": "pending",
    "bytes": None,
    "created_at": EXAMPLE_TIME,
    "expires_at": "2026-02-08T12:00:00.000000Z",
}
