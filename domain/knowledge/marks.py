"""Marks of citation in a text, such as [2] or [1, 3]: what each stands behind, and how they are numbered anew."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise

from domain.knowledge.sentences import sentences

_MARK = re.compile(r"(?<![ \t])[ \t]*+[\[【]\s*(\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*)(?:†[^\]】]{0,40})?\s*[\]】]")
_RUN = re.compile(rf"(?:{_MARK.pattern})+")
_RANGE = re.compile(r"(\d+)(?:\s*[–-]\s*(\d+))?")
_BRACKETS = re.compile(r"[\[\]【】]")
RANGE_MAX = 20
NESTED_MAX = 8


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
    for position, _, numbers in marks:
        place = max(bisect_left(starts, position) - 1, 0)
        found.setdefault(place, []).extend(numbers)
    return [
        Claim(plain[slice(*spans[place])], tuple(dict.fromkeys(numbers)))
        for place, numbers in sorted(found.items())
        if spans
    ]


def renumbered(text: str, numbers: Mapping[int, int]) -> str:
    """`text` with every mark in its new number, one bracket each; marks that `numbers` does not know are dropped.

    What a dropped mark parted can be a mark itself, as in `[1[2]]`: none is left that the text did not show before.
    """
    return _RUN.sub(_rewriting(numbers), _without_unknown(text, numbers)).strip()


def without_claims_on(text: str, gone: frozenset[int]) -> str:
    """`text` without the sentences that rest on `gone` numbers alone, and without these marks elsewhere."""
    parts = marked_parts(text)
    kept = [part.strip() for part, numbers in parts if not numbers or not gone.issuperset(numbers)]
    left = {number: number for _, numbers in parts for number in numbers if number not in gone}
    return renumbered(" ".join(kept), left)


def marked_parts(text: str) -> list[tuple[str, tuple[int, ...]]]:
    """`text` cut behind each sentence and its marks, with the numbers marked there; joined, the parts are the text."""
    plain, marks = _parted(text)
    places, lengths = [place for place, _, _ in marks], [0, *accumulate(length for _, length, _ in marks)]
    starts = [start for start, _ in sentences(plain)][1:]
    cuts = [0, *(start + lengths[bisect_right(places, start)] for start in starts), len(text)]
    parts = [text[start:end] for start, end in pairwise(cuts) if start < end]
    return [(part, tuple(dict.fromkeys(_marked(part)))) for part in parts]


def _without_unknown(text: str, numbers: Mapping[int, int]) -> str:
    """`text` without the runs of marks of which `numbers` knows none; without any mark where they are nested deeply."""
    for _ in range(NESTED_MAX):
        text, dropped = _RUN.sub(_dropping(numbers), text), text
        if text == dropped:
            return text
    return _BRACKETS.sub("", text)


def _dropping(numbers: Mapping[int, int]) -> Callable[[re.Match[str]], str]:
    return lambda run: run[0] if any(number in numbers for number in _marked(run[0])) else ""


def _rewriting(numbers: Mapping[int, int]) -> Callable[[re.Match[str]], str]:
    def rewrite(run: re.Match[str]) -> str:
        known = dict.fromkeys(numbers[number] for number in _marked(run[0]) if number in numbers)
        gap = " " if run[0][0] in " \t" else ""
        return gap + "".join(f"[{number}]" for number in known)

    return rewrite


def _marked(text: str) -> list[int]:
    return [number for mark in _MARK.finditer(text) for number in _numbers(mark[1])]


def _parted(text: str) -> tuple[str, list[tuple[int, int, list[int]]]]:
    """The text without marks, and of each mark where in it the mark stood, how long it was, and its numbers."""
    parts: list[str] = []
    marks: list[tuple[int, int, list[int]]] = []
    length = last = 0
    for mark in _MARK.finditer(text):
        parts.append(text[last : mark.start()])
        length += mark.start() - last
        marks.append((length, len(mark[0]), _numbers(mark[1])))
        last = mark.end()
    return "".join([*parts, text[last:]]), marks


def _numbers(inside: str) -> list[int]:
    numbers: list[int] = []
    for first, last in _RANGE.findall(inside):
        top = min(int(last or first), int(first) + RANGE_MAX)
        numbers.extend(range(int(first), max(top, int(first)) + 1))
    return numbers
