"""One file from bytes to text: what it is, how it is decoded, who reads it."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from adapters.extraction import csv, markdown
from adapters.extraction.decoding import decode
from adapters.extraction.limits import Limits
from adapters.extraction.outline import Outline
from adapters.extraction.sniffing import HEAD_BYTES, ZIP_MARKS, Hints, Kind, is_pdf, sniff, text_kind
from domain.knowledge.errors import ExtractionFailed
from domain.knowledge.extracts import Extract, ExtractionReason


def read_plain(text: str) -> Extract:
    """The text as it stands. No headings: a guess at them in prose would be wrong more often than right."""
    outline = Outline()
    outline.block(text)
    return outline.extract(Kind.PLAIN)


TEXT_READERS: dict[Kind, Callable[[str], Extract]] = {
    Kind.PLAIN: read_plain,
    Kind.MARKDOWN: markdown.read,
    Kind.CSV: csv.read,
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file whose kind is known; `text` for kinds of text, decoded, and None for the others."""

    kind: Kind
    data: bytes
    text: str | None = None


def warm_up(head: bytes, hints: Hints) -> bool:
    """Import the parser that a file with this beginning will want, before its process is sealed; False for none."""
    if is_pdf(head, hints):
        importlib.import_module("adapters.extraction.pdf")
    elif head.startswith(ZIP_MARKS):
        importlib.import_module("adapters.extraction.docx")
    elif hints.kind is Kind.HTML or head[:HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        importlib.import_module("adapters.extraction.html")
    else:
        return False
    return True


def prepare(data: bytes, hints: Hints) -> Prepared:
    """Find out the kind and decode text. Needs codecs, so it runs before the process is sealed; parses nothing."""
    kind = sniff(data, hints)
    if kind is not None:
        return Prepared(kind, data)
    try:
        text = decode(data, hints.charset)
    except ExtractionFailed as error:
        if hints.kind in (Kind.PDF, Kind.DOCX):
            raise ExtractionFailed(ExtractionReason.BROKEN) from error
        raise
    if not text.strip():
        raise ExtractionFailed(ExtractionReason.EMPTY)
    return Prepared(text_kind(text, hints), data, text)


def read(prepared: Prepared, limits: Limits) -> Extract:
    """The text of a prepared file; never blank. Raises ExtractionFailed."""
    if prepared.text is None:
        reader = importlib.import_module(f"adapters.extraction.{'pdf' if prepared.kind is Kind.PDF else 'docx'}")
        extract: Extract = reader.read(prepared.data, limits)
    elif prepared.kind is Kind.HTML:
        extract = importlib.import_module("adapters.extraction.html").read(prepared.text)
    else:
        extract = TEXT_READERS[prepared.kind](prepared.text)
    return _checked(extract, prepared, limits)


def _checked(extract: Extract, prepared: Prepared, limits: Limits) -> Extract:
    if not extract.text.strip():
        shows_nothing = prepared.kind in (Kind.PDF, Kind.HTML)
        raise ExtractionFailed(ExtractionReason.NO_TEXT if shows_nothing else ExtractionReason.EMPTY)
    if len(extract.text) > limits.expanded(len(prepared.data)):
        raise ExtractionFailed(ExtractionReason.TOO_MUCH_EXPANDED)
    return extract
