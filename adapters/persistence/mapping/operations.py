"""Rows of operations."""

from adapters.persistence.tracking import AggregateMapping, Row, Unique
from domain.operations.exports import Export, ExportStatus
from domain.operations.jobs import Job, JobStatus
from domain.shared.errors import StaleVersion

COLUMNS = (
    "kind", "subject_id", "owner_id", "attempts", "done", "total", "unit",
    "error_code", "error_detail", "worker", "lease_until", "run_after",
)  # fmt: skip


def job_to_row(job: Job) -> Row:
    return {name: getattr(job, name) for name in COLUMNS} | {"status": job.status.value, "payload": dict(job.payload)}


def job_from_row(row: Row) -> Job:
    return Job(
        id=row["id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
        status=JobStatus(row["status"]),
        payload=row["payload"],
        **{name: row[name] for name in COLUMNS},
    )


JOBS = AggregateMapping[Job](kind="job", table="jobs", to_row=job_to_row, from_row=job_from_row, journaled=False)
"""Machinery: the journal shows what a job did to its subject, not its leases and progress."""


def export_to_row(export: Export) -> Row:
    return {
        "user_id": export.user_id,
        "expires_at": export.expires_at,
        "status": export.status.value,
        "bytes": export.bytes,
    }


def export_from_row(row: Row) -> Export:
    return Export(
        id=row["id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        user_id=row["user_id"],
        expires_at=row["expires_at"],
        status=ExportStatus(row["status"]),
        bytes=row["bytes"],
    )


EXPORTS = AggregateMapping[Export](
    kind="export",
    table="exports",
    to_row=export_to_row,
    from_row=export_from_row,
    unique=(Unique(("user_id",), StaleVersion),),
)
