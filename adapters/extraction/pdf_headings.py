"""Which lines of a PDF are headings: those that bookmarks name, else those that stand out by number and type."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

Headings = dict[tuple[int, int], tuple[int, int]]
"""(page, first line) → (lines, level)."""

LARGER = 1.15
LINES_MAX = 3
CHARACTERS_MAX = 150
LEVELS = 6
SHARE_MAX = 0.25
SECTIONS_MIN = 3
SECTION = re.compile(r"\s*(\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+[^\W\d_]")
LEADER = re.compile(r"\.{4}|(\. ){4}")
NUMBERING = re.compile(r"^[\W\d]+|\W+")


@dataclass(slots=True)
class Line:
    """One line of a page: size of type and height of its baseline in points, where known; whether it begins bold."""

    text: str
    size: float = 0.0
    baseline: float | None = None
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Bookmark:
    """An entry of the document's outline: level from 1, page from 0."""

    title: str
    level: int
    page: int


def by_bookmarks(pages: Sequence[Sequence[Line]], bookmarks: Sequence[Bookmark]) -> Headings:
    """The lines that say what a bookmark says on its page; nothing unless that works for half of them at least."""
    found: Headings = {}
    for bookmark in bookmarks:
        place = _find(pages, bookmark, found)
        if place is not None:
            page, line, count = place
            found[page, line] = (count, bookmark.level)
    return found if 2 * len(found) >= len(bookmarks) else {}


def _find(pages: Sequence[Sequence[Line]], bookmark: Bookmark, taken: Headings) -> tuple[int, int, int] | None:
    title = _bare(bookmark.title)
    if not title or not 0 <= bookmark.page < len(pages):
        return None
    lines = [_bare(line.text) for line in pages[bookmark.page]]
    for first, text in enumerate(lines):
        if not text or not title.startswith(text) or _covered(taken, bookmark.page, first):
            continue
        for count in range(1, LINES_MAX + 1):
            if "".join(lines[first : first + count]) == title:
                return bookmark.page, first, count
    return None


def _covered(taken: Headings, page: int, line: int) -> bool:
    return any(
        (page, first) in taken and taken[page, first][0] > line - first for first in range(line - LINES_MAX, line + 1)
    )


def by_type(pages: Sequence[Sequence[Line]]) -> Headings:
    """Short lines in larger type than most of the text, and bold ones with a section number.

    Where sections are numbered, the numbers tell the levels, and other lines count only in a section's type; else the
    larger is the higher. Nothing where such lines are so many that they are no headings, as on forms and slides.
    """
    body = _body_type(pages)
    runs = [(number, *run) for number, lines in enumerate(pages) for run in _runs(lines, body)]
    total = sum(1 for lines in pages for line in lines if line.text)
    if sum(count for _, _, count, _ in runs) > SHARE_MAX * total:
        return {}
    numbers = {(page, first): _section(pages[page][first].text) for page, first, _, _ in runs}
    section_sizes = {size for page, first, _, size in runs if numbers[page, first]}
    if sum(map(bool, numbers.values())) >= SECTIONS_MIN:
        return {
            (page, first): (count, numbers[page, first] or 1)
            for page, first, count, size in runs
            if numbers[page, first] or size in section_sizes
        }
    sizes = sorted({size for *_, size in runs}, reverse=True)
    return {(page, first): (count, min(sizes.index(size), LEVELS - 1) + 1) for page, first, count, size in runs}


def _body_type(pages: Sequence[Sequence[Line]]) -> Line:
    """Size and weight of most of the text."""
    weights: Counter[tuple[float, bool]] = Counter()
    for lines in pages:
        for line in lines:
            weights[line.size, line.bold] += len(line.text)
    (size, bold), _ = max(weights.items(), key=lambda item: item[1], default=((0.0, False), 0))
    return Line("", size, bold=bold)


def _runs(lines: Sequence[Line], body: Line) -> list[tuple[int, int, float]]:
    """(first line, lines, size) of neighbouring lines that stand out alike and are short enough for a heading."""
    runs: list[tuple[int, int, float]] = []
    index = 0
    while index < len(lines):
        line, end = lines[index], index + 1
        if _stands_out(line, body):
            larger = line.size >= LARGER * body.size
            while larger and end < len(lines) and lines[end].size == line.size and not _section(lines[end].text):
                end += 1
            text = " ".join(line.text for line in lines[index:end])
            if end - index <= LINES_MAX and len(text) <= CHARACTERS_MAX and any(map(str.isalpha, text)):
                runs.append((index, end - index, line.size))
        index = end
    return runs


def _stands_out(line: Line, body: Line) -> bool:
    if not body.size or line.size < body.size or LEADER.search(line.text):
        return False
    numbered = line.bold and not body.bold and _section(line.text) > 0
    return numbered or line.size >= LARGER * body.size


def _section(text: str) -> int:
    """Depth of a section number at the beginning, 0 where there is none."""
    found = SECTION.match(text)
    return found[1].count(".") + 1 if found else 0


def _bare(text: str) -> str:
    """Letters and digits only, without leading numbering: bookmarks and pages differ in the rest."""
    return NUMBERING.sub("", text).casefold()
