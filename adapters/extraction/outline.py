"""Collects the text of a document block by block, with the places of its headings and pages."""

from collections.abc import Sequence

from adapters.extraction.decoding import clean
from domain.knowledge.extracts import Extract, Heading

HEADING_CHARACTERS = 300
TITLE_CHARACTERS = 300
ROW_CHARACTERS = 400


class Outline:
    """Text under construction. Blocks are parted by a blank line; what is added is cleaned before it is counted."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []
        self._page_starts: list[int] = []

    @property
    def length(self) -> int:
        """Characters so far."""
        return self._length

    def block(self, text: str, *, gap: str = "\n\n") -> tuple[int, int]:
        """Add a block, `gap` before it unless it is the first, and give its span; blank ones are passed over."""
        text = clean(text).strip("\n").rstrip()
        if not text.strip():
            return self._length, self._length
        if self._length:
            self._append(gap)
        start = self._length
        self._append(text)
        return start, self._length

    def heading(self, text: str, level: int) -> None:
        """Add a heading as a block of its own. One too long to be a heading is an ordinary block."""
        start, end = self.block(_one_line(text))
        if start < end <= start + HEADING_CHARACTERS:
            self._headings.append(Heading(start, end, level))

    def mark_heading(self, start: int, end: int, level: int) -> None:
        """Declare a span of text that is there already a heading; spans are declared in order."""
        self._headings.append(Heading(start, end, level))

    def page(self) -> None:
        """The next block begins a new page."""
        self._page_starts.append(self._length)

    def extract(self, media_type: str, title: str | None = None) -> Extract:
        text = "".join(self._parts)
        starts = tuple(_past_gap(text, start) for start in self._page_starts)
        return Extract(text, media_type, tidy_title(title), tuple(self._headings), starts)

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)


def row_line(cells: Sequence[str]) -> str:
    """A table row: cells parted by bars, or one below the other where long ones show that it only lays out text."""
    lines = [line for cell in cells for line in cell.split("\n") if line.strip()]
    if sum(map(len, lines)) > ROW_CHARACTERS and any("\n" in cell for cell in cells):
        return "\n".join(lines)
    return " | ".join(" ".join(cell.split()) for cell in cells if cell.strip())


def tidy_title(title: str | None) -> str | None:
    """A title on one line and of bounded length; None for a blank one."""
    return _one_line(clean(title or ""))[:TITLE_CHARACTERS].strip() or None


def _one_line(text: str) -> str:
    """Zero-width spaces at the edges are what page generators leave of their anchors."""
    return " ".join(text.split()).strip("\u200b \u200c\u200d")


def _past_gap(text: str, start: int) -> int:
    while start < len(text) and text[start] == "\n":
        start += 1
    return start
