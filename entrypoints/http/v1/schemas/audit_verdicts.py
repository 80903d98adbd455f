"""Verdicts on the audit trail as version 1 shows them."""

from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from domain.audit.findings import Finding, Flaw, Verdict
from entrypoints.http.bodies import Input
from entrypoints.http.v1.schemas.documents import JobReferenceOut
from entrypoints.http.v1.schemas.values import OTHER_ID, WHOLE

SEQUENCE_MAX: Final = (1 << 53) - 1
Place = Annotated[int, Field(ge=1, le=SEQUENCE_MAX), WHOLE]


class VerificationIn(Input):
    """The sequences to verify; without them the whole trail. Whole batches are verified always."""

    first_sequence: Place = 1
    last_sequence: Place | None = None


class FindingOut(TypedDict):
    """What differs, and where; up to `last_sequence` where the place is not known more closely."""

    kind: Flaw
    sequence: int
    last_sequence: int | None
    entry_id: UUID | None
    detail: str


class VerdictOut(TypedDict):
    """What was looked at, how many flaws there are, and the first hundred of them."""

    holds: bool
    first_sequence: int
    last_sequence: int
    entries: int
    batches: int
    checkpoints: int
    unsealed: int
    erased: int
    head: str | None
    key_ids: list[str]
    flaws: int
    findings: list[FindingOut]


class VerificationOut(TypedDict):
    """The verdict, or the job that finds it where there is much to look at."""

    verdict: VerdictOut | None
    job: JobReferenceOut | None


def verification_out(verdict: Verdict | None, job_id: UUID | None) -> VerificationOut:
    return {
        "verdict": None if verdict is None else _verdict_out(verdict),
        "job": None if job_id is None else {"id": job_id, "status": "queued"},
    }


def _verdict_out(verdict: Verdict) -> VerdictOut:
    return {
        "holds": verdict.holds,
        "first_sequence": verdict.first,
        "last_sequence": verdict.last,
        "entries": verdict.entries,
        "batches": verdict.batches,
        "checkpoints": verdict.checkpoints,
        "unsealed": verdict.unsealed,
        "erased": verdict.erased,
        "head": verdict.head.hex() if verdict.head else None,
        "key_ids": verdict.key_ids,
        "flaws": verdict.flaws,
        "findings": [_finding_out(finding) for finding in verdict.findings],
    }


def _finding_out(finding: Finding) -> FindingOut:
    return {
        "kind": finding.kind,
        "sequence": finding.sequence,
        "last_sequence": finding.last_sequence,
        "entry_id": finding.entry_id,
        "detail": finding.detail,
    }


VERIFICATION: Final[dict[str, Any]] = {
    "verdict": {
        "holds": False,
        "first_sequence": 1,
        "last_sequence": 4712,
        "entries": 4711,
        "batches": 42,
        "checkpoints": 42,
        "unsealed": 1,
        "erased": 0,
        "head": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "key_ids": ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"],
        "flaws": 1,
        "findings": [
            {
                "kind": "missing",
                "sequence": 4703,
                "last_sequence": None,
                "entry_id": None,
                "detail": "An entry was sealed here and is gone.",
            }
        ],
    },
    "job": None,
}
QUEUED: Final[dict[str, Any]] = {"verdict": None, "job": {"id": OTHER_ID, "status": "queued"}}
