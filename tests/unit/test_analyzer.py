"""Which terms a text has, and that they are the same bytes everywhere."""

import sys
import threading
import unicodedata
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.keywords.analyzer import RECORD, STOP_WORDS, EnglishAnalyzer

analyzer = EnglishAnalyzer()


def term(stem: str) -> int:
    return zlib.crc32(stem.encode())


def frequencies(title: str, text: str) -> dict[int, int]:
    return {int(each): int(count) for each, count in np.frombuffer(analyzer.blob(title, text), dtype=RECORD)}


def test_words_count_by_their_stem_and_stop_words_do_not() -> None:
    assert frequencies("", "The cells of a cell were dividing") == {term("cell"): 2, term("divid"): 1}
    assert len(STOP_WORDS) == 127


def test_the_title_counts_twice() -> None:
    assert frequencies("Turbines", "turbine blades") == {term("turbin"): 3, term("blade"): 1}


def test_tokens_of_letters_and_digits_count_whole_and_by_their_runs() -> None:
    assert frequencies("", "IL6") == {term("il6"): 1, term("il"): 1}
    assert frequencies("", "b2b 2024q3") == {term("b2b"): 1, term("2024q3"): 1, term("2024"): 1}
    assert frequencies("", "error_code") == {term("error_cod"): 1, term("error"): 1, term("code"): 1}


def test_single_characters_are_no_tokens() -> None:
    assert frequencies("", "x 7 ! _") == {}
    assert analyzer.blob("", "") == b""
    assert analyzer.query("").tolist() == []


def test_frequencies_stop_at_255() -> None:
    assert frequencies("", "zebra " * 300) == {term("zebra"): 255}


def test_case_and_the_form_of_accents_make_no_difference() -> None:
    text = "Größe Straße ﬁle naïve"
    assert frequencies("", text) == frequencies(
        "", unicodedata.normalize("NFD", text.upper().replace("ﬁ".upper(), "FI"))
    )


def test_a_query_gives_each_term_once_ascending() -> None:
    query = analyzer.query("flows of flow past wings, the wing")
    assert query.dtype == np.uint32
    assert query.tolist() == sorted({term("flow"), term("past"), term("wing")})


def test_blobs_ascend_by_term_in_five_bytes_each() -> None:
    blob = analyzer.blob("Shock waves", "in hypersonic shock tunnels at mach 12")
    records = np.frombuffer(blob, dtype=RECORD)
    assert len(blob) == 5 * len(records)
    assert (np.diff(records["term"].astype(np.int64)) > 0).all()


def test_this_version_gives_these_bytes() -> None:
    """Stored blobs are compared with queries made later: what changes these bytes needs another `version`."""
    text = "Boundary layers (IL6, 3D) generously grew; naïve Größe ΣΊΣΥΦΟΣ 東京 don't re-run_2 the dying skies"
    assert analyzer.version == "english-1"
    assert zlib.crc32(analyzer.blob("Title of tests", text)) == 3384663042


@given(st.text(max_size=200), st.text(max_size=40))
def test_any_text_has_terms_and_finds_itself(text: str, title: str) -> None:
    terms = np.frombuffer(analyzer.blob(title, text), dtype=RECORD)["term"]
    assert set(analyzer.query(text).tolist()) <= set(terms.tolist())
    assert set(analyzer.query(title).tolist()) <= set(terms.tolist())


def test_both_stemmers_give_the_same_stems(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "skies dying generously organization's flying relational hopping news innings proceed exceedingly übermäßig"
    fast = EnglishAnalyzer().blob("", words)
    for name in [name for name in sys.modules if name.split(".")[0] in {"Stemmer", "snowballstemmer"}]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "Stemmer", None)
    import snowballstemmer  # without PyStemmer it brings its own

    monkeypatch.setattr("adapters.keywords.analyzer.snowballstemmer", snowballstemmer)
    slow = EnglishAnalyzer()
    assert type(slow._vocabulary._stemmer).__module__.startswith("snowballstemmer")
    assert slow.blob("", words) == fast


def test_threads_share_an_analyzer() -> None:
    shared, texts = EnglishAnalyzer(), [" ".join(f"{word}{n}ings" for word in ("run", "fly")) for n in range(400)]
    expected = [EnglishAnalyzer().blob("", text) for text in texts]
    given_blobs: list[list[bytes]] = []
    threads = [
        threading.Thread(target=lambda: given_blobs.append([shared.blob("", text) for text in texts])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert given_blobs == [expected] * 4
