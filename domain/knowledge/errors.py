"""Refusals of the knowledge context."""

from domain.knowledge.extracts import ExtractionReason
from domain.shared.errors import AlreadyExists, Invalid, RuleBroken


class ExtractionFailed(Invalid):
    """A file gave no text. The code says why; the job carries it, the service goes on."""

    default_code = "extraction_failed"
    default_detail = "No text could be read from this file."

    def __init__(self, reason: ExtractionReason, detail: str | None = None) -> None:
        reason = ExtractionReason(reason)
        super().__init__(reason.value, detail or reason.advice)


class LastManager(RuleBroken):
    default_code = "last_manager"
    default_detail = "A collection keeps at least one manager: give somebody else the level manage first."


class ExternalIdTaken(AlreadyExists):
    default_code = "external_id_taken"
    default_detail = "Another document of this collection was given this external_id at the same time; try again."
