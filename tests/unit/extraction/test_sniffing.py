"""The bytes say what a file is; its name and declared type only choose between kinds of text."""

import pytest

from adapters.extraction.readers import prepare
from adapters.extraction.sniffing import Hints, Kind
from domain.knowledge.errors import ExtractionFailed
from tests.extraction_files import docx, paragraph, pdf, zipped

DOCX = docx(paragraph("Hello"))
PDF = pdf([("Hello", 12)])
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
ENCRYPTED = OLE + "EncryptedPackage".encode("utf-16-le")


@pytest.mark.parametrize(
    ("data", "name", "declared", "kind"),
    [
        (PDF, "notes.txt", "text/plain", Kind.PDF),
        (b"\n\n" + PDF, "notes", None, Kind.PDF),
        (b"HTTP/1.1 200 OK\r\n\r\n" + PDF, "saved.pdf", None, Kind.PDF),
        (DOCX, "report.pdf", "application/pdf", Kind.DOCX),
        (DOCX, None, None, Kind.DOCX),
        (b"Error: not found", "report.pdf", "application/pdf", Kind.PLAIN),
        (b"<!DOCTYPE html><html><body>Gone</body></html>", "report.pdf", "application/pdf", Kind.HTML),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<!-- y --><HTML>a</HTML>", "page.txt", None, Kind.HTML),
        (b"<p>A fragment</p>", None, None, Kind.HTML),
        (b"<p>A fragment</p>", "snippet.txt", None, Kind.PLAIN),
        (b"<div align='center'>\n\n# Logo", "README.md", None, Kind.MARKDOWN),
        (b"just words", "index.html", None, Kind.HTML),
        (b"a,b\n1,2", "data.csv", "application/vnd.ms-excel", Kind.CSV),
        (b"a,b\n1,2", "data", "text/csv; charset=utf-8", Kind.CSV),
        (b"a\tb\n1\t2", "DATA.TSV", None, Kind.CSV),
        (b"# Title", "notes", "text/markdown", Kind.MARKDOWN),
        (b"# Title", "notes.txt", "text/plain", Kind.PLAIN),
        (b'{"a": 1}', "data.json", "application/json", Kind.PLAIN),
        (b"<?xml version='1.0'?><rss/>", "feed.xml", "application/xml", Kind.PLAIN),
        (b"import this", "zen.py", None, Kind.PLAIN),
        (b"MZ is how programs begin; RIFF and OTTO begin files too.", "marks.txt", None, Kind.PLAIN),
        (b"%PDF- is the mark of a PDF.", "about.md", None, Kind.MARKDOWN),
    ],
)
def test_a_file_is_what_its_bytes_say(data: bytes, name: str | None, declared: str | None, kind: Kind) -> None:
    assert prepare(data, Hints(declared, name)).kind is kind


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.pdf", "empty_document"),
        (b" \r\n\t ", "a.txt", "empty_document"),
        (b"\xef\xbb\xbf", "a.md", "empty_document"),
        (b"MZ\x90\x00\x03\x00\x00\x00" + bytes(range(256)), "readme.md", "unsupported_media_type"),
        (b"\x7fELF\x02\x01\x01" + bytes(99), "report.pdf", "unsupported_media_type"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "scan.pdf", "unsupported_media_type"),
        (b"{\\rtf1 Hello}", "letter.docx", "unsupported_media_type"),
        (b"From: a@example.com\nSubject: x\n\nHello", "mail.eml", "unsupported_media_type"),
        (b"<svg><text>x</text></svg>", "logo.svg", "unsupported_media_type"),
        (zipped({"xl/workbook.xml": "<x/>"}), "sheet.docx", "unsupported_media_type"),
        (zipped({"a.txt": "x"}), "archive.zip", "unsupported_media_type"),
        (OLE, "old.doc", "unsupported_media_type"),
        (ENCRYPTED, "secret.docx", "encrypted_file"),
        (ENCRYPTED, "secret.xlsx", "unsupported_media_type"),
        (DOCX[: len(DOCX) // 2], "cut.docx", "broken_file"),
        (DOCX[:60], "cut.docx", "broken_file"),
        (bytes(range(256)) * 4, "garbage.pdf", "broken_file"),
        (bytes(range(256)) * 4, "garbage.docx", "broken_file"),
        (bytes(range(256)) * 4, "garbage.txt", "unsupported_media_type"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(data: bytes, name: str, code: str) -> None:
    with pytest.raises(ExtractionFailed) as refusal:
        prepare(data, Hints(None, name))
    assert refusal.value.code == code
    assert refusal.value.detail.endswith(".")


def test_a_prolog_made_of_comments_is_passed_in_one_go() -> None:
    assert prepare(b"<!---->" * 2_000 + b"x", Hints()).kind is Kind.PLAIN


def test_the_charset_of_the_declared_type_is_a_hint() -> None:
    prepared = prepare(
        "Καλημέρα".encode("iso8859-7"), Hints('text/plain; format=flowed; charset="ISO-8859-7"', "a.txt")
    )
    assert prepared.text == "Καλημέρα"
