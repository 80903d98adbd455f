"""The promises of cutting: nothing is lost, nothing is too long, everything is where it says it is."""

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.knowledge.chunking import Spans, cut
from domain.knowledge.extracts import Extract, Heading

Span = tuple[int, int]


def pieces(text: str) -> Sequence[Span]:
    """As word-piece models do: pieces of four letters, CJK and marks alone, an endless word a single token."""
    spans = []
    for word in re.finditer(r"[一-鿿]|[^\W一-鿿]+|[^\w\s]", text):
        step = 4 if len(word[0]) <= 100 else len(word[0])
        spans += [(at, min(at + step, word.end())) for at in range(word.start(), word.end(), step)]
    return spans


def pieces_from_the_right(text: str) -> Sequence[Span]:
    """A word cut in two has other tokens than it had whole."""
    spans: list[Span] = []
    for word in re.finditer(r"\S+", text):
        cuts = [word.start(), *sorted({max(word.start(), at) for at in range(word.end(), word.start(), -3)})]
        spans += [pair for pair in pairwise(cuts) if pair[0] < pair[1]]
    return spans


def dearer_when_cut(text: str) -> Sequence[Span]:
    """A part of a long word has more tokens than it had within the word."""
    spans = []
    for word in re.finditer(r"\S+", text):
        step = 5 if len(word[0]) > 200 else 1
        spans += [(at, min(at + step, word.end())) for at in range(word.start(), word.end(), step)]
    return spans


def characters(text: str) -> Sequence[Span]:
    return [(at, at + 1) for at, char in enumerate(text) if not char.isspace()]


def words_with_space(text: str) -> Sequence[Span]:
    """White space belongs to the word behind it, as in byte-pair models."""
    return [found.span() for found in re.finditer(r"\s*\S{1,6}", text)]


TOKENIZERS: list[Spans] = [pieces, pieces_from_the_right, dearer_when_cut, characters, words_with_space]

WORDS = st.text("abcdefghij", min_size=1, max_size=12)
PARTS = st.one_of(
    WORDS,
    st.sampled_from(
        [" ", " ", " ", "\n", "\n\n", "\n \n", ". ", "! ", "。", ", ", "\t", "- ", "é", "👩‍🔬", "\u200b", "\xa0"]
    ),
    st.text("机器学习的是了在中文", min_size=1, max_size=30),
    st.integers(50, 900).map(lambda count: "QmFzZTY0" * (count // 8)),
    st.text(max_size=10).filter(lambda text: not re.search("[\ud800-\udfff]", text)),
)
TEXTS = st.lists(PARTS, max_size=120).map("".join)
TITLES = st.lists(WORDS, min_size=1, max_size=15).map(" ".join)


@st.composite
def extracts(draw: st.DrawFn) -> Extract:
    """Texts with and without headings and pages, with empty sections among them."""
    text = draw(TEXTS)
    headings = []
    for level, title, body in draw(st.lists(st.tuples(st.integers(1, 4), TITLES, TEXTS), max_size=5)):
        text += "\n\n" + "#" * level + " "
        headings.append(Heading(len(text), len(text) + len(title), level))
        text += f"{title}\n\n{body}"
    pages = sorted(draw(st.lists(st.integers(0, len(text)), max_size=5)))
    return Extract(text, "text/plain", draw(st.none() | TITLES), tuple(headings), (0, *pages) if pages else ())


@settings(max_examples=200, deadline=None)
@given(extracts(), st.sampled_from(TOKENIZERS), st.integers(8, 60), st.sampled_from([0.0, 0.15, 0.4]))
def test_chunks_keep_every_promise(extract: Extract, spans: Spans, size: int, overlap: float) -> None:
    chunks = cut(extract, spans, size=size, overlap=overlap)
    covered = bytearray(len(extract.text))
    for chunk in chunks:
        assert chunk.text == extract.text[chunk.start : chunk.end] == chunk.text.strip() != ""
        assert len(spans(chunk.embedded)) <= size
        assert chunk.page == (sum(1 for start in extract.page_starts if start <= chunk.start) or None)
        covered[chunk.start : chunk.end] = b"\1" * len(chunk.text)
    assert not [char for char, seen in zip(extract.text, covered, strict=True) if not seen and not char.isspace()]
    for one, following in pairwise(chunks):
        assert one.start < following.start
        assert one.end < following.end
        assert one.end <= following.start or not extract.headings


@settings(max_examples=100, deadline=None)
@given(extracts(), st.integers(10, 60))
def test_a_chunk_stays_under_its_heading(extract: Extract, size: int) -> None:
    for chunk in cut(extract, pieces, size=size):
        above = [heading for heading in extract.headings if heading.start - heading.level - 1 < chunk.end]
        nearest = extract.text[above[-1].start : above[-1].end] if above else ""
        behind = extract.text[above[-1].end : chunk.end] if above else chunk.text
        if any(map(str.isalnum, behind)):
            assert "".join(chunk.headings[-1:]) == nearest
        inside = [heading for heading in above if heading.start >= chunk.start]
        for heading, following in pairwise(inside):
            assert not any(map(str.isalnum, extract.text[heading.end : following.start]))


def outline(*sections: tuple[int, str, str]) -> Extract:
    text, headings = "", []
    for level, title, body in sections:
        text += "\n\n" if text else ""
        headings.append(Heading(len(text), len(text) + len(title), level))
        text += f"{title}\n\n{body}" if body else title
    return Extract(text, "text/plain", "Manual", tuple(headings))


def test_the_path_of_headings_follows_their_levels() -> None:
    extract = outline(
        (1, "Engine", "Cold."), (2, "Oil", "Black."), (4, "Filter", "New."), (2, "Fuel", "Dear."), (1, "Doors", "Two.")
    )
    assert [chunk.headings for chunk in cut(extract, pieces)] == [
        ("Engine",),
        ("Engine", "Oil"),
        ("Engine", "Oil", "Filter"),
        ("Engine", "Fuel"),
        ("Doors",),
    ]
    assert cut(extract, pieces)[2].embedded == "Manual > Engine > Oil > Filter\nFilter\n\nNew."


def test_a_heading_without_text_goes_with_what_follows() -> None:
    chunks = cut(outline((1, "Engine", ""), (2, "Oil", "Black."), (1, "End", "")), pieces)
    assert [(chunk.headings, chunk.text) for chunk in chunks] == [
        (("Engine", "Oil"), "Engine\n\nOil\n\nBlack."),
        (("End",), "End"),
    ]


def test_a_title_that_is_also_the_first_heading_is_said_once() -> None:
    assert cut(outline((1, "Manual", "Read it.")), pieces)[0].context == "Manual"


def test_a_long_path_is_shortened_in_the_middle_first() -> None:
    titles = [f"{name} {'word ' * 8}".strip() for name in ("alpha", "beta", "gamma", "delta")]
    extract = outline(*[(level, title, "Text.") for level, title in enumerate(titles, 1)])
    contexts = [chunk.context for chunk in cut(extract, pieces, size=60)]
    assert contexts[0].startswith("Manual > alpha")
    assert contexts[-1] == f"Manual > {titles[-1]}"
    assert all(len(pieces(context)) <= 20 for context in contexts)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("one two three four\n\nfive six seven. eight nine ten", ["four", "ten"]),
        ("one two three four. Five six seven eight nine ten", ["four.", "ten"]),
        ("one two three four\nfive six seven eight nine ten", ["four", "ten"]),
    ],
)
def test_cuts_fall_between_paragraphs_sentences_lines(text: str, ends: list[str]) -> None:
    chunks = cut(
        Extract(text, "text/plain"), lambda part: [word.span() for word in re.finditer(r"\S+", part)], size=7, overlap=0
    )
    assert [chunk.text.split()[-1] for chunk in chunks] == ends


def test_neighbours_share_whole_sentences_where_there_are_no_headings() -> None:
    text = " ".join(f"Sentence number {number} of this text." for number in range(100))
    chunks = cut(Extract(text, "text/plain"), pieces, size=100, overlap=0.25)
    for one, following in pairwise(chunks):
        shared = text[following.start : one.end]
        assert shared.startswith("Sentence number")
        assert 8 <= len(pieces(shared)) <= 25


def test_the_rest_of_a_section_is_cut_in_halves_instead_of_leaving_a_scrap() -> None:
    text = " ".join(["word"] * 240)
    sizes = [len(pieces(chunk.text)) for chunk in cut(Extract(text, "text/plain"), pieces, size=230, overlap=0)]
    assert sizes == [120, 120]


def test_an_endless_token_makes_chunks_of_bounded_length() -> None:
    chunks = cut(Extract("x" * 100_000, "text/plain"), pieces, size=230)
    assert max(len(chunk.text) for chunk in chunks) <= 230 * 6


def test_a_cut_inside_a_word_is_measured_anew() -> None:
    chunks = cut(Extract("x" * 210, "text/plain"), dearer_when_cut, size=40, overlap=0)
    assert sum(len(chunk.text) for chunk in chunks) == 210
    assert max(len(dearer_when_cut(chunk.text)) for chunk in chunks) == 40


def test_a_text_of_megabytes_is_never_given_to_the_tokenizer_whole() -> None:
    longest = 0

    def measured(text: str) -> Sequence[Span]:
        nonlocal longest
        longest = max(longest, len(text))
        return pieces(text)

    cut(Extract("Some words of a long text. " * 20_000, "text/plain"), measured)
    assert longest < 4_000


@pytest.mark.parametrize("text", ["", " \n\t\n "])
def test_a_blank_text_has_no_chunks(text: str) -> None:
    assert cut(Extract(text, "text/plain"), pieces) == []
