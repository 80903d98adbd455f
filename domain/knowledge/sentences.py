"""Cutting text into sentences by their marks of ending, so that a quote is a whole thought with an exact place."""

import re
from collections.abc import Iterator

Span = tuple[int, int]

SENTENCE_MAX = 600
"""Characters of one sentence; longer ones (tables, lists without stops) are cut at white space."""

_ENDING = re.compile(
    r"""(?<![.!?…]) [.!?…]++ ["'”’)\]»]*+ (?=\s++ ["'“‘(\[«]*+ [^\sa-z])   # a stop, white space, no small letter
    |   [。！？]++ ["'”’)\]」』]*+                     # scripts that put no space behind a stop
    |   \n [^\S\n]*+ \n                                # a blank line
    |   \n (?=[^\S\n]*+(?:[-*•–]|\d{1,3}[.)])\s)      # the next item of a list
    """,
    re.VERBOSE,
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[])(?:[A-Za-z]|e\.g|i\.e|cf|vs|al|etc|approx|ca|resp|Dr|Mr|Mrs|Ms|Prof|St|Jr|Sr|Inc|Ltd|Co|No|Nos|"
    r"Fig|Figs|Eq|Eqs|Ref|Refs|Sec|Ch|Vol|pp|p|ed|eds)\.$"
)


def sentences(text: str) -> list[Span]:
    """Spans [start, end) of the sentences of `text`, in order, without white space around them."""
    return [span for whole in _wholes(text) for span in _shortened(text, *whole)]


def _wholes(text: str) -> Iterator[Span]:
    start = 0
    for ending in _ENDING.finditer(text):
        if _ABBREVIATION.search(text, max(start, ending.end() - 12), ending.end()):
            continue
        yield from _trimmed(text, start, ending.end())
        start = ending.end()
    yield from _trimmed(text, start, len(text))


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    part = text[start:end]
    inner = part.strip()
    if inner:
        offset = start + len(part) - len(part.lstrip())
        yield offset, offset + len(inner)


def _shortened(text: str, start: int, end: int) -> Iterator[Span]:
    while end - start > SENTENCE_MAX:
        space = max(text.rfind(gap, start + SENTENCE_MAX // 2, start + SENTENCE_MAX) for gap in (" ", "\n"))
        cut = space if space > 0 else start + SENTENCE_MAX
        yield from _trimmed(text, start, cut)
        start = cut
    yield from _trimmed(text, start, end)
