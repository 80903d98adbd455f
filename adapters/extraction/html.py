"""HTML: the text that a browser would show, with headings and title. Nothing is executed or fetched."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from lxml import etree

from adapters.extraction.outline import Outline, row_line
from adapters.extraction.sniffing import Kind
from domain.knowledge.extracts import Extract

UNSHOWN = frozenset({
    "script", "style", "template", "noscript", "svg", "canvas", "object", "iframe", "audio", "video", "map",
    "select", "datalist", "applet", "noframes",
})  # fmt: skip
BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog",
    "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr",
    "legend", "li", "main", "menu", "nav", "ol", "p", "pre", "search", "section", "summary", "table",
    "tbody", "td", "textarea", "tfoot", "th", "thead", "tr", "ul",
})  # fmt: skip
HEADINGS = {f"h{level}": level for level in range(1, 7)}
VERBATIM = frozenset({"pre", "textarea"})
CELLS = frozenset({"td", "th"})
HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
SPACES = re.compile(r"\s+")
SPACES_AT_BREAK = re.compile(r" *\n *")


def read(text: str) -> Extract:
    """Blocks parted by blank lines, list items and table rows on lines of their own, cells parted by a bar.

    Nesting may be of any depth: the parser tells events and builds no tree. A page that shows nothing gives no text.
    """
    page = _Page()
    parser = etree.HTMLParser(target=cast(Any, page), encoding="utf-8", huge_tree=True, no_network=True)
    etree.fromstring(text.encode(), parser)
    return page.extract()


@dataclass(slots=True)
class _Row:
    """A table row being read: its finished cells and the lines of the open one."""

    cells: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def end_cell(self) -> None:
        self.cells.append("\n".join(self.lines))
        self.lines = []

    def text(self) -> str:
        return row_line([*self.cells, *self.lines])


class _Page:
    """Target of the parser. Every `start` is followed by its `end`, for void and unclosed elements too."""

    def __init__(self) -> None:
        self._outline = Outline()
        self._text: list[str] = []
        self._title: list[str] = []
        self._first_heading: str | None = None
        self._hidden = 0
        self._verbatim = 0
        self._level = 0
        self._in_title = False
        self._bullet = False
        self._gap = "\n\n"
        self._rows: list[_Row] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._hidden or tag in UNSHOWN or _hides(tag, attributes):
            self._hidden += 1
            return
        self._in_title = tag == "title"
        if tag in HEADINGS:
            self._start_heading(HEADINGS[tag])
        elif tag in BLOCKS:
            self._end_block()
            self._bullet = self._bullet or tag == "li"
            self._verbatim += tag in VERBATIM
            if tag == "tr":
                self._rows.append(_Row())
        elif tag in ("br", "button"):
            self._text.append("\n" if tag == "br" else " ")

    def end(self, tag: str) -> None:
        if self._hidden:
            self._hidden -= 1
            return
        self._in_title = False
        if tag in HEADINGS:
            self._end_heading()
        elif tag in BLOCKS:
            self._end_block()
            self._verbatim -= tag in VERBATIM
            if tag in CELLS and self._rows:
                self._rows[-1].end_cell()
            elif tag == "tr" and self._rows:
                self._put(self._rows.pop().text(), "\n")
            elif tag in ("ul", "ol", "table"):
                self._gap = "\n\n"

    def data(self, text: str) -> None:
        if self._in_title and not self._hidden:
            self._title.append(text)
        elif not self._hidden:
            self._text.append(text if self._verbatim else SPACES.sub(" ", text))

    def close(self) -> "_Page":
        self._end_block()
        return self

    def extract(self) -> Extract:
        title = "".join(self._title)
        return self._outline.extract(Kind.HTML, title if title.strip() else self._first_heading)

    def _take(self) -> str:
        text = "".join(self._text)
        self._text = []
        return text.strip("\n") if self._verbatim else SPACES_AT_BREAK.sub("\n", re.sub(" {2,}", " ", text)).strip()

    def _end_block(self) -> None:
        if self._level:
            self._text.append(" ")
            return
        text = self._take()
        if text.strip():
            bullet, self._bullet = self._bullet, False
            self._put(f"- {text}" if bullet else text, "\n" if bullet else "\n\n")

    def _put(self, text: str, gap: str) -> None:
        """Into the open cell, else into the document; items and rows follow their like on the next line."""
        if not text:
            return
        if self._rows:
            self._rows[-1].lines.append(text)
            return
        self._outline.block(text, gap=self._gap if gap == "\n" else gap)
        self._gap = gap

    def _start_heading(self, level: int) -> None:
        """A heading inside table cells shows that the table is layout: what was held back for its rows comes out."""
        self._end_heading()
        self._end_block()
        rows, self._rows = self._rows, []
        for row in rows:
            self._put(row.text(), "\n\n")
        self._level = level

    def _end_heading(self) -> None:
        if not self._level:
            return
        text, level = self._take(), self._level
        self._level = 0
        self._gap = "\n\n"
        self._first_heading = self._first_heading or text
        self._outline.heading(text, level)


def _hides(tag: str, attributes: Mapping[str, str]) -> bool:
    if tag == "dialog" and "open" not in attributes:
        return True
    return "hidden" in attributes or HIDING_STYLE.search(attributes.get("style", "")) is not None
