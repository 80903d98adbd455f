"""Cutting a document into chunks: aligned to headings, measured in the embedding model's own tokens."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from domain.knowledge.extracts import Extract
from domain.knowledge.sentences import sentences

Span = tuple[int, int]
Spans = Callable[[str], Sequence[Span]]
"""Character spans of the model's tokens in a text, in order, without special tokens."""

SIZE = 230
OVERLAP = 0.15
CONTEXT_SHARE = 3
"""A context takes at most one part in this many of a chunk's tokens."""
CHARACTERS_PER_TOKEN = 6
"""No chunk is longer than this times its size: an endless run of letters may be a single token to a model."""
SEPARATOR = " > "

_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")
_LINE = re.compile(r"\n\s*")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Characters [start, end) of a document: `text` as it stands there, the page it begins on, the headings above it.

    `context` is the document's title and the heading path on one line, shortened where they are long.
    """

    start: int
    end: int
    text: str
    page: int | None
    headings: tuple[str, ...]
    context: str

    @property
    def embedded(self) -> str:
        """What the model is given: the context, then the text."""
        return _joined(self.context, self.text)


def cut(extract: Extract, spans: Spans, *, size: int = SIZE, overlap: float = OVERLAP) -> list[Chunk]:
    """The chunks of a document in order; every character that is not white space is in at least one.

    A chunk's embedded text has at most `size` tokens by `spans` (which is given pieces, never the whole of a long
    text), unless a single character has more. Cuts fall between paragraphs where possible, else between sentences,
    lines, words, tokens. Neighbours share up to `overlap` of their tokens where the document has no headings, and
    nothing where it has. CPU-bound: seconds for megabytes.
    """
    chunks = []
    for section in _sections(extract):
        context = _context(extract.title, section.headings, spans, max(1, size // CONTEXT_SHARE))
        room = max(1, size - len(spans(context)))
        shared = 0 if extract.headings else int(overlap * room)
        knife = _Knife(extract.text, spans, context, size, room, shared)
        for start, end in knife.pieces(section.start, section.end):
            page = bisect_right(extract.page_starts, start) or None
            chunks.append(Chunk(start, end, extract.text[start:end], page, section.headings, context))
    return chunks


@dataclass(frozen=True, slots=True)
class _Section:
    start: int
    end: int
    headings: tuple[str, ...]


def _sections(extract: Extract) -> Iterator[_Section]:
    """From heading to heading. A heading without a text of its own goes with what follows it."""
    text, begin = extract.text, 0
    path: list[tuple[int, str]] = []
    bounds = _line_starts(extract)
    if text[: bounds[0]].strip():
        yield _Section(0, bounds[0], ())
        begin = bounds[0]
    for heading, end in zip(extract.headings, bounds[1:], strict=True):
        path = [above for above in path if above[0] < heading.level]
        path.append((heading.level, " ".join(text[heading.start : heading.end].split())))
        if end == len(text) or any(map(str.isalnum, text[heading.end : end])):
            yield _Section(begin, end, tuple(title for _, title in path))
            begin = end


def _line_starts(extract: Extract) -> list[int]:
    """Where the line of each heading begins (its mark included), and the end of the text."""
    bounds, above = [], 0
    for heading in extract.headings:
        bounds.append(max(above, extract.text.rfind("\n", 0, heading.start) + 1))
        above = heading.end
    return [*bounds, len(extract.text)]


def _context(title: str | None, headings: Sequence[str], spans: Spans, most: int) -> str:
    """Title and headings within `most` tokens: those in the middle go first, then the end of the last one."""
    parts = [part for part in dict.fromkeys([" ".join((title or "").split()), *headings]) if part]
    while len(parts) > 1 and len(spans(SEPARATOR.join(parts))) > most:
        del parts[1 if len(parts) > 2 else 0]
    context = SEPARATOR.join(parts)
    while context and len(tokens := spans(context)) > most:
        context = context[: min(tokens[most - 1][1], len(context) - 1)].rstrip()
    return context


@dataclass(slots=True)
class _Knife:
    """Cuts a section into pieces that fit with their context, each begun up to `shared` tokens before the last ends."""

    text: str
    spans: Spans
    context: str
    size: int
    room: int
    shared: int

    def pieces(self, start: int, end: int) -> Iterator[Span]:
        start, done = self._past_space(start, end), start
        while start < end:
            stop, following = self._piece(start, end)
            if stop <= done:
                following = done
            else:
                done = stop
                yield start, start + len(self.text[start:stop].rstrip())
            start = self._past_space(following, end)

    def _piece(self, start: int, end: int) -> Span:
        """Where the piece from `start` on stops, and where the next one begins."""
        window = self.text[start : min(end, start + self.room * CHARACTERS_PER_TOKEN)]
        tokens = self.spans(window)
        last = start + len(window) == end
        if last and len(tokens) <= self.room:
            wanted = len(window)
        else:
            wanted = _boundary(window, *self._range(tokens, len(window), last))
        stop = self._fitting(window, wanted)
        if start + stop >= end:
            return end, end
        return start + stop, start + self._step_back(window, tokens, stop)

    def _range(self, tokens: Sequence[Span], length: int, last: bool) -> tuple[int, int, int]:
        """The first place to cut at, the best one and the last. What is left of a section is cut in halves."""
        count = len(tokens)
        if count <= self.room:
            return length // 2, length, length
        high = tokens[self.room][0]
        if last and count + self.shared < 2 * self.room:
            middle = (count + self.shared) // 2
            return tokens[max(count + self.shared - self.room, middle // 2)][0], tokens[middle][0], high
        return tokens[self.room // 2][0], high, high

    def _fitting(self, window: str, stop: int) -> int:
        """`stop`, or less where the piece by itself has more tokens than it had in its place."""
        while stop > 1:
            tokens = self.spans(_joined(self.context, window[:stop].rstrip()))
            if len(tokens) <= self.size:
                break
            room = tokens[self.size - 1][1] - len(_joined(self.context, ""))
            stop = max(1, min(room, stop - 1))
        return max(1, stop)

    def _step_back(self, window: str, tokens: Sequence[Span], stop: int) -> int:
        """The beginning of a sentence, else of a word, in the last `shared` tokens before `stop`."""
        after = bisect_left(tokens, (stop, stop))
        if not self.shared or after <= self.shared:
            return stop
        back = tokens[after - self.shared][0]
        opening = next((start for start, _ in sentences(window[:stop]) if start >= back), None)
        if opening is None:
            space = _SPACE.search(window, max(0, back - 1), stop)
            opening = space.end() if space else back
        return opening if opening < stop else back

    def _past_space(self, start: int, end: int) -> int:
        space = _SPACE.match(self.text, start, end)
        return space.end() if space else start


def _boundary(window: str, low: int, aim: int, high: int) -> int:
    """The place in (low, high] to cut at: nearest to `aim` among the best kind that there is, `high` failing all."""
    for places in (
        _ends(_PARAGRAPH, window),
        (start for start, _ in sentences(window)),
        _ends(_LINE, window),
        _ends(_SPACE, window),
    ):
        inside = [place for place in places if low < place <= high]
        if inside:
            return min(inside, key=lambda place: (abs(place - aim), -place))
    return high


def _ends(pattern: re.Pattern[str], window: str) -> Iterator[int]:
    return (found.end() for found in pattern.finditer(window))


def _joined(context: str, text: str) -> str:
    return f"{context}\n{text}" if context else text
