"""Markdown (CommonMark): the source stays as written, its headings are found."""

import re
from collections.abc import Iterator

from adapters.extraction.outline import Outline
from adapters.extraction.sniffing import Kind
from domain.knowledge.extracts import Extract, Heading

ATX = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)[ \t]*")
SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
NO_PARAGRAPH = re.compile(r"( {4}|\t| {0,3}(>|[-+*][ \t]|\d{1,9}[.)][ \t]|#{1,6}([ \t]|$)|<|\|))")
RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$")
FRONT_MATTER_END = re.compile(r"(---|\.\.\.)[ \t]*$")
FRONT_MATTER_TITLE = re.compile(r"title[ \t]*:[ \t]*(.+)$", re.IGNORECASE)


def read(text: str) -> Extract:
    """The source with the spans of its ATX and setext headings; titled by front matter or the first level 1."""
    outline = Outline()
    outline.block(text)
    source = outline.extract(Kind.MARKDOWN).text
    title, body = _front_matter(source)
    for heading in _headings(source, body):
        outline.mark_heading(heading.start, heading.end, heading.level)
        if title is None and heading.level == 1:
            title = source[heading.start : heading.end]
    return outline.extract(Kind.MARKDOWN, title)


def _lines(source: str, start: int) -> Iterator[tuple[int, str]]:
    while start < len(source):
        end = source.find("\n", start)
        end = len(source) if end < 0 else end
        yield start, source[start:end]
        start = end + 1


def _front_matter(source: str) -> tuple[str | None, int]:
    """Title and end of a YAML block that opens the file; (None, 0) where there is none."""
    title = None
    for number, (start, line) in enumerate(_lines(source, 0)):
        if number == 0 and line.rstrip() != "---":
            return None, 0
        if number and FRONT_MATTER_END.match(line):
            return title, start + len(line)
        if title is None and (found := FRONT_MATTER_TITLE.match(line)):
            title = found[1].strip().strip("\"'")
    return None, 0


def _headings(source: str, body: int) -> Iterator[Heading]:
    fence: str | None = None
    paragraph: tuple[int, int] | None = None
    for start, line in _lines(source, body):
        mark = FENCE.match(line)
        if fence is not None:
            if mark and mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not line[mark.end() :].strip():
                fence = None
        elif mark:
            fence, paragraph = mark[1], None
        elif atx := ATX.match(line):
            paragraph = None
            if title := _without_closing(line[atx.end() :]):
                yield Heading(start + atx.end(), start + atx.end() + len(title), len(atx[1]))
        elif paragraph and (under := SETEXT.match(line)):
            yield Heading(*paragraph, 1 if under[1][0] == "=" else 2)
            paragraph = None
        else:
            paragraph = _paragraph(paragraph, start, line)


def _without_closing(title: str) -> str:
    """An ATX title without the marks that may close it."""
    title = title.rstrip(" \t")
    bare = title.rstrip("#")
    return bare.rstrip(" \t") if not bare or bare[-1] in " \t" else title


def _paragraph(open_one: tuple[int, int] | None, start: int, line: str) -> tuple[int, int] | None:
    """The paragraph that may become a setext heading: the line by itself or added to the one above."""
    if not line.strip() or RULE.match(line) or (open_one is None and NO_PARAGRAPH.match(line)):
        return None
    first = start + len(line) - len(line.lstrip())
    return (open_one[0] if open_one else first), start + len(line.rstrip())
