"""Marks of citation in a text, such as [2] or [1, 3]: what each stands behind, and how they are numbered anew."""

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from domain.knowledge.sentences import sentences

_MARK = re.compile(r"(?<![ \t])[ \t]*+[\[【]\s*(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)(?:†[^\]】]{0,40})?\s*[\]】]")
_RUN = re.compile(rf"(?:{_MARK.pattern})+")
_RANGE = re.compile(r"(\d+)(?:\s*[–-]\s*(\d+))?")
RANGE_MAX = 20


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence without its marks, and the numbers that stand behind it, in order."""

    text: str
    numbers: tuple[int, ...]


def claims(text: str) -> list[Claim]:
    """The sentences of `text` that carry marks. A mark that follows a full stop belongs to the sentence before it."""
    plain, marks = _parted(text)
    spans = sentences(plain)
    starts = [start for start, _ in spans]
    found: dict[int, list[int]] = {}
    for position, numbers in marks:
        place = max(bisect_left(starts, position) - 1, 0)
        found.setdefault(place, []).extend(numbers)
    return [
        Claim(plain[slice(*spans[place])], tuple(dict.fromkeys(numbers)))
        for place, numbers in sorted(found.items())
        if spans
    ]


def renumbered(text: str, numbers: Mapping[int, int]) -> str:
    """`text` with every mark in its new number, one bracket each; marks that `numbers` does not know are dropped."""
    return _RUN.sub(_rewriting(numbers), text).strip()


def without_claims_on(text: str, gone: frozenset[int]) -> str:
    """`text` without the sentences that rest on `gone` numbers alone, and without these marks elsewhere."""
    kept = []
    for line in _marked_sentences(text):
        numbers = [number for mark in _MARK.finditer(line) for number in _numbers(mark[1])]
        if not numbers or not gone.issuperset(numbers):
            kept.append(renumbered(line, {number: number for number in numbers if number not in gone}))
    return " ".join(kept)


def marked_parts(text: str) -> list[tuple[str, tuple[int, ...]]]:
    """`text` cut behind each sentence and its marks, with the numbers marked there; joined, the parts are the text."""
    cuts = [0]
    for start, end in sentences(text):
        leading = _RUN.match(text[start:end])
        cuts.append(start + leading.end() if leading else start)
    parts = [text[start:end] for start, end in pairwise([*cuts, len(text)]) if start < end]
    return [
        (part, tuple(dict.fromkeys(n for mark in _MARK.finditer(part) for n in _numbers(mark[1])))) for part in parts
    ]


def _rewriting(numbers: Mapping[int, int]) -> Callable[[re.Match[str]], str]:
    def rewrite(run: re.Match[str]) -> str:
        inside = [number for mark in _MARK.finditer(run[0]) for number in _numbers(mark[1])]
        known = dict.fromkeys(numbers[number] for number in inside if number in numbers)
        gap = " " if run[0][0] in " \t" else ""
        return gap + "".join(f"[{number}]" for number in known) if known else ""

    return rewrite


def _parted(text: str) -> tuple[str, list[tuple[int, list[int]]]]:
    """The text without marks, and where in it each mark stood."""
    parts: list[str] = []
    marks: list[tuple[int, list[int]]] = []
    length = last = 0
    for mark in _MARK.finditer(text):
        parts.append(text[last : mark.start()])
        length += mark.start() - last
        marks.append((length, _numbers(mark[1])))
        last = mark.end()
    return "".join([*parts, text[last:]]), marks


def _marked_sentences(text: str) -> Sequence[str]:
    """Sentences with the marks that stand behind them, put back together where a mark begins a piece."""
    lines: list[str] = []
    for start, end in sentences(text):
        line = text[start:end]
        leading = _MARK.match(line)
        while leading and lines:
            lines[-1], line = f"{lines[-1]} {leading[0].strip()}", line[leading.end() :].lstrip()
            leading = _MARK.match(line)
        if line:
            lines.append(line)
    return lines


def _numbers(inside: str) -> list[int]:
    numbers: list[int] = []
    for first, last in _RANGE.findall(inside):
        top = min(int(last or first), int(first) + RANGE_MAX)
        numbers.extend(range(int(first), max(top, int(first)) + 1))
    return numbers
