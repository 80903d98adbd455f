"""DOCX and PDF: their text in order, their headings and pages, and what is refused in them."""

import zlib

import pytest

from adapters.extraction import docx, pdf
from adapters.extraction.limits import Limits
from adapters.extraction.readers import prepare, read
from adapters.extraction.sniffing import Hints
from domain.knowledge.errors import ExtractionFailed
from domain.knowledge.extracts import Extract
from tests import extraction_files as files
from tests.extraction_files import WORD, paragraph

LIMITS = Limits()


def headings(extract: Extract) -> list[tuple[int, str]]:
    return [(heading.level, extract.text[heading.start : heading.end]) for heading in extract.headings]


def code_of(data: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(ExtractionFailed) as refusal:
        read(prepare(data, Hints()), limits)
    return refusal.value.code


def test_docx_headings_come_from_styles_and_outline_levels() -> None:
    body = (
        paragraph("The report", "Titel")
        + paragraph("Named", "berschrift1")
        + paragraph("Based on", "Kapitel")
        + paragraph("By level", "Level3")
        + paragraph("By itself", properties='<w:outlineLvl w:val="1"/>')
        + paragraph("Body after all", "berschrift1", '<w:outlineLvl w:val="9"/>')
        + paragraph("Circular", "Round")
        + paragraph("Unknown", "nowhere")
    )
    extract = docx.read(files.docx(body), LIMITS)
    assert headings(extract) == [(1, "Named"), (1, "Based on"), (3, "By level"), (2, "By itself")]
    assert extract.title == "The report"
    assert extract.text.split("\n\n")[-3:] == ["Body after all", "Circular", "Unknown"]


def test_docx_keeps_the_order_of_paragraphs_tables_and_controls() -> None:
    table = "<w:tbl><w:tblPr/>{}</w:tbl>".format(
        "".join(
            f"<w:tr><w:tc>{paragraph(f'{row}a')}</w:tc><w:tc>{paragraph(f'{row}b')}{paragraph('more')}</w:tc></w:tr>"
            for row in "12"
        )
    )
    control = f"<w:sdt><w:sdtPr/><w:sdtContent>{paragraph('in a control')}</w:sdtContent></w:sdt>"
    extract = docx.read(files.docx(paragraph("before") + table + control + paragraph("after")), LIMITS)
    assert extract.text == "before\n\n1a | 1b more\n2a | 2b more\n\nin a control\n\nafter"


def test_docx_shows_what_word_shows() -> None:
    run = "<w:r>{}<w:t>{}</w:t></w:r>".format
    body = (
        f"<w:p>{run('', 'kept')}<w:ins>{run('', ' inserted')}</w:ins>"
        "<w:del><w:r><w:delText> deleted</w:delText></w:r></w:del>"
        f"{run('<w:rPr><w:vanish/></w:rPr>', ' hidden')}{run('<w:tab/>', 'tab')}"
        f"<w:hyperlink>{run('', ' link')}</w:hyperlink><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"
        + paragraph("one", properties="<w:numPr/>")
        + paragraph("two", properties="<w:numPr/>")
    )
    notes = (
        f'<w:footnotes {WORD}><w:footnote w:type="separator">{paragraph("---")}</w:footnote>'
        f"<w:footnote>{paragraph('A note.')}</w:footnote></w:footnotes>"
    )
    parts = {"word/footnotes.xml": notes, "word/header1.xml": f"<w:hdr {WORD}>{paragraph('letterhead')}</w:hdr>"}
    assert docx.read(files.docx(body, parts=parts), LIMITS).text == "kept inserted\ttab link\n\n- one\n- two\n\nA note."


def test_docx_entities_are_not_resolved() -> None:
    evil = (
        '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd"><!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]>'
        f"<w:document {WORD}><w:body><w:p><w:r><w:t>x&a;&c;y</w:t></w:r></w:p></w:body></w:document>"
    )
    text = docx.read(files.zipped({"word/document.xml": evil}), LIMITS).text
    assert "root" not in text
    assert "ha" not in text


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (files.zip_bomb(16), "expands_too_much"),
        (files.docx(parts={"word/media/image1.bmp": bytes(50 << 20)}), "expands_too_much"),
        (files.docx(), "empty_document"),
        (files.docx("<w:p><w:r><w:drawing/></w:r></w:p>"), "no_text"),
        (files.zipped({"word/document.xml": "<w:document"}), "broken_file"),
        (files.zipped({"word/document.xml": "<d>" * 5_000}), "broken_file"),
    ],
)
def test_docx_that_gives_no_text_is_refused_by_name(data: bytes, code: str) -> None:
    assert code_of(data) == code


def test_a_docx_with_a_locked_or_altered_member_is_refused() -> None:
    data = files.docx(paragraph("secret " * 50))
    locked = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := locked.find(mark, place + 1)) >= 0:
            locked[place + offset] |= 1
    assert code_of(bytes(locked)) == "encrypted_file"
    altered = bytearray(data)
    altered[altered.index(b"word/document.xml") + 40] ^= 0xFF
    assert code_of(bytes(altered)) == "broken_file"


def test_pdf_pages_and_paragraphs_keep_their_places() -> None:
    first = [("First line of text", 12), ("and the second line.", 12), ("", 12), ("A new paragraph.", 12)]
    extract = pdf.read(files.pdf(first, [], [("On page three", 12)], title="Stated title"), LIMITS)
    assert extract.text == "First line of text\nand the second line.\n\nA new paragraph.\n\nOn page three"
    third = extract.text.index("On page three")
    assert extract.page_starts == (0, third, third)
    assert extract.title == "Stated title"


def test_pdf_headings_come_from_bookmarks() -> None:
    pages = [[("1. Overview", 12), ("Some words here.", 12)], [("2.  Details", 12), ("More words here.", 12)]]
    extract = pdf.read(files.pdf(*pages, bookmarks=[("Overview", 0), ("Details", 1)]), LIMITS)
    assert headings(extract) == [(1, "1. Overview"), (1, "2. Details")]


def test_pdf_headings_come_from_larger_type() -> None:
    lines = [
        ("Great Title", 24),
        ("of Two Lines", 24),
        *[("Ordinary words of the body.", 10)] * 12,
        ("A Section", 14),
        ("More words.", 10),
    ]
    extract = pdf.read(files.pdf(lines), LIMITS)
    assert headings(extract) == [(1, "Great Title of Two Lines"), (2, "A Section")]


def test_section_numbers_tell_the_levels_of_pdf_headings() -> None:
    body = [("Ordinary words of the body.", 10)] * 4
    lines = [("1 One", 14), *body, ("1.1 Deeper", 14), *body, ("2 Two", 14), *body, ("Chart label", 20), *body]
    assert headings(pdf.read(files.pdf(lines), LIMITS)) == [(1, "1 One"), (2, "1.1 Deeper"), (1, "2 Two")]


def test_a_file_name_is_no_title() -> None:
    assert pdf.read(files.pdf([("x", 12)], title="Microsoft Word - draft7.doc"), LIMITS).title is None


def test_pdf_that_gives_no_text_is_refused_by_name() -> None:
    whole = files.pdf([("Words", 12)])
    assert code_of(files.pdf([])) == "no_text"
    assert code_of(files.pdf(*[[]] * 5), Limits(pages=4)) == "too_many_pages"
    assert code_of(whole[:200]) == "broken_file"
    assert code_of(b"%PDF-1.7\n" + bytes(range(256)) * 20) == "broken_file"
    assert code_of(files.pdf([("Some words", 12)] * 50), Limits(expansion=0, expansion_floor=100)) == "expands_too_much"


def test_a_pdf_whose_stream_is_garbage_gives_no_text_and_no_crash() -> None:
    assert code_of(files.pdf([], content=zlib.compress(b"BT (x) Tj ET" * 1000))) == "no_text"
