"""PDF through PDFium: text page by page, paragraphs by the gaps between lines, headings by bookmarks or type."""

import ctypes
import re
from itertools import islice, pairwise
from statistics import median_low

import pypdfium2 as pdfium
from pypdfium2 import raw

from adapters.extraction.limits import Limits
from adapters.extraction.outline import Outline
from adapters.extraction.pdf_headings import Bookmark, Headings, Line, by_bookmarks, by_type
from adapters.extraction.sniffing import Kind
from domain.knowledge.errors import ExtractionFailed
from domain.knowledge.extracts import Extract, ExtractionReason

LOCKED = (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)
BOOKMARKS_MAX = 5_000
BREAK = "\ufffe"
"""PDFium's sign for a hyphen at the end of a line, which it joins with the next."""
BROKEN_WORD = re.compile(rf"(\w{{1,50}}){BREAK}(\w{{1,50}})")
FILE_TITLE = re.compile(
    r"untitled|\(anonymous\)|microsoft word - |.*\.(docx?|dvi|indd|qxd|rtf|tex|pptx?|xlsx?|pdf)$", re.IGNORECASE
)
COMPOUND = re.compile(r"\w{1,50}-\w{1,50}")
PARAGRAPH_GAP = 1.4
BOLD = 600


def read(data: bytes, limits: Limits) -> Extract:
    """Raises ExtractionFailed: ENCRYPTED, BROKEN, TOO_MANY_PAGES, TOO_MUCH_EXPANDED, and NO_TEXT for a scan."""
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        locked = error.err_code in LOCKED
        raise ExtractionFailed(ExtractionReason.ENCRYPTED if locked else ExtractionReason.BROKEN) from error
    if len(document) > limits.pages:
        raise ExtractionFailed(ExtractionReason.TOO_MANY_PAGES)
    pages = _pages(document, limits.expanded(len(data)))
    _join_words(pages)
    headings = by_bookmarks(pages, _bookmarks(document)) or by_type(pages)
    extract = _write(pages, headings, _title(document))
    if not extract.text:
        raise ExtractionFailed(ExtractionReason.NO_TEXT)
    return extract


def _pages(document: "pdfium.PdfDocument", room: int) -> list[list[Line]]:
    """The lines of every page; a page that cannot be read is empty, unless none can."""
    pages: list[list[Line]] = []
    unread = 0
    for number in range(len(document)):
        try:
            page = document[number]
            pages.append(_lines(page.get_textpage()))
            page.close()
        except pdfium.PdfiumError:
            pages.append([])
            unread += 1
        room -= sum(len(line.text) for line in pages[-1])
        if room < 0:
            raise ExtractionFailed(ExtractionReason.TOO_MUCH_EXPANDED)
    if unread == len(pages):
        raise ExtractionFailed(ExtractionReason.BROKEN)
    return pages


def _lines(page: "pdfium.PdfTextPage") -> list[Line]:
    """Type and place are asked for the first character of each line only: one call a character costs seconds."""
    text = page.get_text_range()
    if page.count_chars() != len(text):
        return [Line(line) for line in text.split("\r\n")]
    lines, offset = [], 0
    for line in text.split("\r\n"):
        first = offset + len(line) - len(line.lstrip())
        lines.append(_line(page, line, first) if line.strip() else Line(""))
        offset += len(line) + 2
    return lines


def _line(page: "pdfium.PdfTextPage", text: str, first: int) -> Line:
    return Line(text, _size(page, first), _baseline(page, first), raw.FPDFText_GetFontWeight(page, first) >= BOLD)


def _size(page: "pdfium.PdfTextPage", index: int) -> float:
    matrix = raw.FS_MATRIX()
    scale = (matrix.c**2 + matrix.d**2) ** 0.5 if raw.FPDFText_GetMatrix(page, index, matrix) else 1.0
    return round(float(raw.FPDFText_GetFontSize(page, index)) * scale, 1)


def _baseline(page: "pdfium.PdfTextPage", index: int) -> float | None:
    x, y = ctypes.c_double(), ctypes.c_double()
    return y.value if raw.FPDFText_GetCharOrigin(page, index, x, y) else None


def _join_words(pages: list[list[Line]]) -> None:
    """A word that was cut at the end of a line loses its hyphen, unless the document writes it with one elsewhere."""
    if not any(BREAK in line.text for lines in pages for line in lines):
        return
    compounds = {word.lower() for lines in pages for line in lines for word in COMPOUND.findall(line.text)}

    def join(found: re.Match[str]) -> str:
        compound = f"{found[1]}-{found[2]}"
        return compound if compound.lower() in compounds else found[1] + found[2]

    for lines in pages:
        for line in lines:
            line.text = BROKEN_WORD.sub(join, line.text).replace(BREAK, "-")


def _bookmarks(document: "pdfium.PdfDocument") -> list[Bookmark]:
    found = []
    try:
        for item in islice(document.get_toc(), BOOKMARKS_MAX):
            target = item.get_dest()
            page = target.get_index() if target else None
            if page is not None:
                found.append(Bookmark(item.get_title(), item.level + 1, page))
    except pdfium.PdfiumError:
        return []
    return found


def _title(document: "pdfium.PdfDocument") -> str | None:
    """The title that the file states, unless it is only the name of the file that it was made from."""
    title: str = document.get_metadata_value("Title").strip()
    return None if FILE_TITLE.match(title) else title


def _write(pages: list[list[Line]], headings: Headings, title: str | None) -> Extract:
    outline = Outline()
    for number, lines in enumerate(pages):
        outline.page()
        gaps = _paragraph_starts(lines)
        paragraph: list[str] = []
        index = 0
        while index < len(lines):
            count, level = headings.get((number, index), (0, 0))
            if count or index in gaps:
                outline.block("\n".join(paragraph))
                paragraph = []
            if count:
                outline.heading(" ".join(line.text for line in lines[index : index + count]), level)
            else:
                paragraph.append(lines[index].text.rstrip())
            index += max(1, count)
        outline.block("\n".join(paragraph))
    return outline.extract(Kind.PDF, title)


def _paragraph_starts(lines: list[Line]) -> set[int]:
    """Lines that stand farther below the one above than lines of this page usually do."""
    steps = {
        index: above.baseline - line.baseline
        for index, (above, line) in enumerate(pairwise(lines), start=1)
        if above.baseline is not None and line.baseline is not None and above.baseline > line.baseline
    }
    usual = median_low(steps.values()) if steps else 0.0
    return {index for index, step in steps.items() if step > PARAGRAPH_GAP * usual}
