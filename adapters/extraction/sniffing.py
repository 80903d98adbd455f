"""What a file is: its bytes decide, its name and declared type choose between kinds of text."""

import io
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath

from domain.knowledge.errors import ExtractionFailed
from domain.knowledge.extracts import ExtractionReason

HEAD_BYTES = 1024
PDF_MARK = re.compile(rb"%PDF-\d")
ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
OLE_MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
OTHER_TEXT_MARKS = (b"{\\rtf", b"%!PS")
OTHER_BINARY_MARKS = (
    b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"II*\x00",
    b"MM\x00*", b"RIFF", b"OggS", b"ID3", b"fLaC", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!",
    b"\x28\xb5\x2f\xfd", b"SQLite format 3", b"PAR1", b"\x00asm", b"!<arch>", b"wOFF", b"wOF2", b"OTTO",
)  # fmt: skip
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
MAIN_PART = re.compile(r"word/document\d*\.xml")


class Kind(StrEnum):
    """The kinds of file that are read, by their media type (RFC 7763 for Markdown, RFC 4180 for CSV)."""

    PLAIN = "text/plain"
    MARKDOWN = "text/markdown"
    HTML = "text/html"
    CSV = "text/csv"
    PDF = "application/pdf"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


BY_SUFFIX = {
    ".md": Kind.MARKDOWN, ".markdown": Kind.MARKDOWN, ".mdown": Kind.MARKDOWN, ".mkd": Kind.MARKDOWN,
    ".mdx": Kind.MARKDOWN, ".html": Kind.HTML, ".htm": Kind.HTML, ".xhtml": Kind.HTML, ".csv": Kind.CSV,
    ".tsv": Kind.CSV, ".tab": Kind.CSV, ".pdf": Kind.PDF, ".docx": Kind.DOCX, ".docm": Kind.DOCX,
}  # fmt: skip
BY_MEDIA_TYPE = {
    **{kind.value: kind for kind in Kind if kind is not Kind.PLAIN},
    "text/x-markdown": Kind.MARKDOWN,
    "application/xhtml+xml": Kind.HTML,
    "application/csv": Kind.CSV,
    "text/tab-separated-values": Kind.CSV,
}
# Text on the outside only: what a person would read in them is encoded or scattered between markup.
WRAPPED_SUFFIXES = frozenset({".eml", ".mht", ".mhtml", ".mbox", ".rtf", ".svg", ".ps"})
WRAPPED_MEDIA_TYPES = frozenset(
    {"message/rfc822", "multipart/related", "application/mbox", "text/rtf", "application/rtf", "image/svg+xml"}
)
FOREIGN_OFFICE = frozenset({".xls", ".xlsx", ".xlsm", ".ppt", ".pptx", ".pptm"})

PAGE = re.compile(r"<(!doctype\s+html|html)\b", re.IGNORECASE)
DECLARATION = re.compile(r"<\?xml[^>]*\?>")
FRAGMENT = re.compile(
    r"\s*<(head|body|title|meta|div|p|h[1-6]|table|ul|ol|article|section|main|script|style)\b[^<]*>", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Hints:
    """What the uploader says about a file."""

    media_type: str | None = None
    file_name: str | None = None

    @property
    def suffix(self) -> str:
        return PurePath(self.file_name or "").suffix.lower()

    @property
    def declared(self) -> str:
        return (self.media_type or "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str | None:
        """The charset parameter of the declared type (RFC 9110 §8.3.2)."""
        found = re.search(r";\s*charset=\"?([\w.:-]{1,40})", self.media_type or "", re.IGNORECASE)
        return found[1] if found else None

    @property
    def kind(self) -> Kind | None:
        return BY_MEDIA_TYPE.get(self.declared) or BY_SUFFIX.get(self.suffix)

    @property
    def wrapped(self) -> bool:
        return self.suffix in WRAPPED_SUFFIXES or self.declared in WRAPPED_MEDIA_TYPES


def sniff(data: bytes, hints: Hints) -> Kind | None:
    """The kind that the bytes show by themselves; None where they can only be text.

    Raises ExtractionFailed for empty, encrypted, broken and foreign files.
    """
    if not data:
        raise ExtractionFailed(ExtractionReason.EMPTY)
    if is_pdf(data[:HEAD_BYTES], hints):
        return Kind.PDF
    if data.startswith(ZIP_MARKS):
        return _zip_kind(data, hints)
    if data.startswith(OLE_MARK):
        locked = ENCRYPTED_PACKAGE in data and hints.suffix not in FOREIGN_OFFICE
        raise ExtractionFailed(ExtractionReason.ENCRYPTED if locked else ExtractionReason.UNSUPPORTED)
    if data.startswith(OTHER_TEXT_MARKS) or (_foreign(data) and CONTROLS.search(data[:HEAD_BYTES])):
        raise ExtractionFailed(ExtractionReason.UNSUPPORTED)
    return None


def text_kind(text: str, hints: Hints) -> Kind:
    """Which kind of text this is. Raises ExtractionFailed for formats whose text is wrapped in another encoding.

    Text that is none of the other kinds (JSON, XML, source code, logs) is read as plain text, as it stands.
    """
    if hints.wrapped:
        raise ExtractionFailed(ExtractionReason.UNSUPPORTED)
    head = text[: 16 * HEAD_BYTES]
    if PAGE.match(_past_prolog(head)):
        return Kind.HTML
    if hints.kind in (Kind.MARKDOWN, Kind.HTML, Kind.CSV):
        return hints.kind
    named_text = hints.suffix not in ("", ".pdf", ".docx") or hints.declared.startswith("text/")
    return Kind.HTML if not named_text and FRAGMENT.match(head) else Kind.PLAIN


def is_pdf(head: bytes, hints: Hints) -> bool:
    """The mark may stand anywhere in the first 1,024 bytes; later than at once only for files that are called PDF."""
    if PDF_MARK.match(head.lstrip(b"\xef\xbb\xbf \t\r\n\x00")):
        return True
    return hints.kind is Kind.PDF and PDF_MARK.search(head) is not None


def main_part(names: Iterable[str]) -> str | None:
    """The member of a DOCX that holds its text; usually, but not always, `word/document.xml`."""
    return min(filter(MAIN_PART.fullmatch, names), key=len, default=None)


def _past_prolog(head: str) -> str:
    """What follows an XML declaration and comments."""
    head = head.lstrip()
    if declaration := DECLARATION.match(head):
        head = head[declaration.end() :].lstrip()
    while head.startswith("<!--"):
        _, closed, rest = head.partition("-->")
        head = rest.lstrip() if closed else ""
    return head


def _foreign(data: bytes) -> bool:
    return data.startswith(OTHER_BINARY_MARKS) or data[257:262] == b"ustar" or data[4:8] == b"ftyp"


def _zip_kind(data: bytes, hints: Hints) -> Kind:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, IndexError) as error:
        meant = hints.kind is Kind.DOCX or b"word/" in data
        raise ExtractionFailed(ExtractionReason.BROKEN if meant else ExtractionReason.UNSUPPORTED) from error
    if main_part(names) is None:
        raise ExtractionFailed(ExtractionReason.UNSUPPORTED)
    return Kind.DOCX
