"""CSV and its kin: each row becomes a line that can be understood alone."""

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from adapters.extraction.outline import Outline
from adapters.extraction.sniffing import Kind
from domain.knowledge.extracts import Extract

DELIMITERS = ",;\t|"
SAMPLE_CHARACTERS = 65_536
SAMPLE_ROWS = 100
NAME_CHARACTERS = 80
QUOTED_LINES = 200
BATCH_ROWS = 1_000
YEAR = re.compile(r"(19|20)\d\d")
NUMBER = re.compile(r"[-+]?[\d.,]+%?")


def read(text: str) -> Extract:
    """The header as it is, then rows as `name: value; name: value`, empty values left out, a blank line between rows.

    Without a header, rows are their values. Rows may be longer or shorter than the header.
    """
    csv.field_size_limit(sys.maxsize)
    sample = text[:SAMPLE_CHARACTERS]
    delimiter = _delimiter(sample)
    names = _header(_rows(sample, delimiter))
    outline = Outline()
    lines = (_line(names if number else [], row) for number, row in enumerate(_parsed(text, delimiter)))
    while batch := list(islice(lines, BATCH_ROWS)):
        outline.block("\n\n".join(batch))
    return outline.extract(Kind.CSV)


def _parsed(text: str, delimiter: str) -> Iterator[list[str]]:
    """All rows but the blank ones."""
    stray = _stray_quote(text, delimiter)
    for row in csv.reader(
        _lines(text),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if stray else csv.QUOTE_MINIMAL,
        skipinitialspace=True,
    ):
        if any(cell.strip() for cell in row):
            yield [" ".join(cell.split()) for cell in row]


def _lines(text: str) -> Iterator[str]:
    """One by one: as a list, millions of short lines would take ten times the room of the text."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _stray_quote(text: str, delimiter: str) -> bool:
    """Whether some quote opens a value that goes on for ever, as in tab-separated files, which know no quoting."""
    if '"' not in text:
        return False
    reader = csv.reader(_lines(text), delimiter=delimiter, skipinitialspace=True)
    before = 0
    for _ in reader:
        if reader.line_num - before > QUOTED_LINES:
            return True
        before = reader.line_num
    return False


def _rows(sample: str, delimiter: str) -> list[list[str]]:
    return list(islice(_parsed(sample, delimiter), SAMPLE_ROWS))


def _delimiter(sample: str) -> str:
    """The candidate by which most rows fall into the same number of columns, and into the more the better."""

    def score(delimiter: str) -> tuple[float, int]:
        rows = _rows(sample, delimiter)
        widths = Counter(len(row) for row in rows if len(row) > 1)
        if not widths:
            return 0.0, 0
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        return round(count / len(rows), 1), width

    return max(DELIMITERS, key=score)


def _header(rows: Sequence[Sequence[str]]) -> list[str]:
    """The names of the columns, or none where the first row looks like the others."""
    if not rows or len({name for name in rows[0] if name}) < max(1, len(rows[0]) * 0.7):
        return []
    first, body = rows[0], rows[1:]
    votes = 0
    for column, name in enumerate(first):
        values = [row[column] for row in body if column < len(row) and row[column]]
        if values and sum(map(_numeric, values)) > len(values) / 2:
            votes += -1 if _numeric(name) and not YEAR.fullmatch(name) else 1
        elif _numeric(name) and not YEAR.fullmatch(name):
            votes -= 1
    return [name[:NAME_CHARACTERS] for name in first] if votes >= 0 else []


def _numeric(value: str) -> bool:
    return NUMBER.fullmatch(value) is not None


def _line(names: Sequence[str], row: Sequence[str]) -> str:
    cells = []
    for column, value in enumerate(row):
        name = names[column] if column < len(names) else ""
        if value:
            cells.append(f"{name}: {value}" if name else value)
    return "; ".join(cells)
