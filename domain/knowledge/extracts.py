"""What extraction gives: plain text with the places of its headings and pages."""

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


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the text: character span [start, end) and level from 1."""

    start: int
    end: int
    level: int


@dataclass(frozen=True, slots=True)
class Extract:
    """The plain text of a document. Spans count characters of `text`; pages are 1-based, `page_starts[0]` is page 1."""

    text: str
    media_type: str
    title: str | None = None
    headings: tuple[Heading, ...] = ()
    page_starts: tuple[int, ...] = ()
