"""Sentences and marks of citation: exact places, and nothing that a text can break."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.knowledge.marks import claims, renumbered, without_claims_on
from domain.knowledge.sentences import SENTENCE_MAX, sentences


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One is here. Two is there.", ["One is here.", "Two is there."]),
        ("Dr. Ada et al. wrote it. It rose 3.5 percent!", ["Dr. Ada et al. wrote it.", "It rose 3.5 percent!"]),
        ('He said "Go." Then (later) he went.', ['He said "Go."', "Then (later) he went."]),
        ("See Fig. 3 and e.g. Ref. 7. No more?", ["See Fig. 3 and e.g. Ref. 7.", "No more?"]),
        ("Wait... and see. 2 of 3 agree.", ["Wait... and see.", "2 of 3 agree."]),
        ("A heading\n\nIts text\n- first\n- second", ["A heading", "Its text", "- first", "- second"]),
        ("これは文です。次の文！", ["これは文です。", "次の文！"]),
        ("one line\nanother of the same", ["one line\nanother of the same"]),
        ("  \n ", []),
        ("", []),
    ],
)
def test_where_sentences_end(text: str, parts: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == parts


def test_endless_sentences_are_cut_at_white_space() -> None:
    text = "word " * 500 + "x" * 2000
    spans = sentences(text)
    assert all(end - start <= SENTENCE_MAX for start, end in spans)
    assert "".join(text[start:end] for start, end in spans).replace(" ", "") == text.replace(" ", "")


@given(st.text(alphabet=st.sampled_from("ab .!?\n\t[]1-。"), max_size=300))
def test_sentences_are_ordered_trimmed_and_lose_nothing(text: str) -> None:
    spans = sentences(text)
    assert spans == sorted(spans)
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)
    assert "".join("".join(text[start:end].split()) for start, end in spans) == "".join(text.split())


def test_marks_belong_to_the_sentence_that_they_follow() -> None:
    found = claims("Wings bend [1]. They break late. [2][3] Also so [1, 4-5], and thus【6†source】 done.")
    assert [(claim.text, claim.numbers) for claim in found] == [
        ("Wings bend.", (1,)),
        ("They break late.", (2, 3)),
        ("Also so, and thus done.", (1, 4, 5, 6)),
    ]


@pytest.mark.parametrize("text", ["", "Nothing marked.", "[1]", "[1] [2]"])
def test_marks_without_a_sentence_claim_nothing(text: str) -> None:
    assert claims(text) == []


def test_marks_get_new_numbers_and_unknown_ones_go() -> None:
    text = "A [3]. B [9]. C [3, 7][9]. D[7]."
    assert renumbered(text, {3: 1, 7: 2}) == "A [1]. B. C [1][2]. D[2]."
    assert renumbered("[9] A [0].", {3: 1}) == "A."


def test_wide_ranges_are_no_way_to_make_much_of_little() -> None:
    assert len(claims("A [1-999].")[0].numbers) <= 21
    assert claims("A [5-2].")[0].numbers == (5,)


def test_claims_on_what_is_gone_go() -> None:
    text = "A is [1]. B is [1][2]. C is. D is. [3]"
    assert without_claims_on(text, frozenset({1})) == "B is [2]. C is. D is. [3]"
    assert without_claims_on(text, frozenset({1, 3})) == "B is [2]. C is."
    assert without_claims_on("A [1].", frozenset({1})) == ""


@pytest.mark.parametrize("text", ["1【1【1】】", "[1 [2[3]]]", "A [1 [2][3]]."])
def test_a_dropped_mark_leaves_no_new_one(text: str) -> None:
    assert not claims(renumbered(text, {}))


def test_a_mark_that_a_sentence_cuts_in_two_stays_whole() -> None:
    text = "Water boils [1†a. B\n\nC]. Ice melts [2]."
    assert without_claims_on(text, frozenset({1})) == "Ice melts [2]."
    assert without_claims_on(text, frozenset({2})) == "Water boils [1]."


def test_marks_nested_deeply_cost_no_more_and_leave_no_mark() -> None:
    text = renumbered("Ice [4]. " + "[1" * 20_000 + "]" * 20_000, {4: 1})
    assert text.startswith("Ice")
    assert not claims(text)


def test_many_unknown_marks_are_dropped_at_once() -> None:
    assert renumbered("word. [1] " * 20_000, {}) == ("word. " * 20_000).strip()


@given(st.text(alphabet=st.sampled_from("ab .[]123,-†【】\n"), max_size=200))
@example("1【1【1】】")
@example("[1†[x[" + "2," * 40 + "2]]")
@example("【\n\n13]\n2")
def test_no_text_breaks_the_marks(text: str) -> None:
    numbers = {number for claim in claims(text) for number in claim.numbers}
    assert not claims(renumbered(text, {}))
    assert not numbers & {
        number for claim in claims(without_claims_on(text, frozenset(numbers))) for number in claim.numbers
    }
