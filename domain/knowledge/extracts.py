"""What extraction gives: plain text with the places of its headings and pages, or the reason why there is none."""

from dataclasses import dataclass
from enum import StrEnum


class ExtractionReason(StrEnum):
    """Why a file gave no text; also the stable code of the document's error."""

    EMPTY = "empty_document"
    NO_TEXT = "no_text"
    ENCRYPTED = "encrypted_file"
    BROKEN = "broken_file"
    UNSUPPORTED = "unsupported_media_type"
    TOO_MANY_PAGES = "too_many_pages"
    TOO_MUCH_EXPANDED = "expands_too_much"
    TOO_SLOW = "extraction_timeout"
    TOO_MUCH_MEMORY = "extraction_out_of_memory"
    CRASHED = "extraction_crashed"

    @property
    def advice(self) -> str:
        """One sentence for the uploader that names the way out."""
        return _ADVICE[self]


_ADVICE = {
    ExtractionReason.EMPTY: "The file holds no text at all; upload one that does.",
    ExtractionReason.NO_TEXT: "The file holds pictures but no text; run text recognition (OCR) on it first.",
    ExtractionReason.ENCRYPTED: "The file is protected by a password; remove the protection and upload it again.",
    ExtractionReason.BROKEN: "The file is damaged or cut off; save it anew in its own program and upload that.",
    ExtractionReason.UNSUPPORTED: "This kind of file is not read; convert it to PDF, DOCX, HTML, Markdown or text.",
    ExtractionReason.TOO_MANY_PAGES: "The file has more pages than allowed; split it and upload the parts.",
    ExtractionReason.TOO_MUCH_EXPANDED: "The file expands to far more than its size; save it anew or split it.",
    ExtractionReason.TOO_SLOW: "Reading the file took longer than allowed; split or simplify it and upload it again.",
    ExtractionReason.TOO_MUCH_MEMORY: "Reading the file took more memory than allowed; split it and upload the parts.",
    ExtractionReason.CRASHED: "The file brought its reader down; save it anew with another program or as plain text.",
}


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the text: character span [start, end) and level from 1."""

    start: int
    end: int
    level: int


@dataclass(frozen=True, slots=True)
class Extract:
    """The plain text of a document. Spans count characters of `text`; pages are 1-based, `page_starts[0]` is page 1.

    Headings come in order and do not overlap. A page without text starts where the next one does.
    """

    text: str
    media_type: str
    title: str | None = None
    headings: tuple[Heading, ...] = ()
    page_starts: tuple[int, ...] = ()
