"""Text comes out clean whatever it is written in."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.extraction.decoding import clean, decode
from domain.knowledge.errors import ExtractionFailed

RUSSIAN = "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью."
JAPANESE = "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"
POLISH = "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem."
ENGLISH = "All human beings are born free.\nThey are endowed with reason."
CHINESE = "人人生而自由，在尊严和权利上一律平等。\n他们赋有理性和良心，并应以兄弟关系的精神相对待。"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
@pytest.mark.parametrize(
    "text", [ENGLISH, RUSSIAN + "\n", CHINESE, "a"], ids=["english", "russian", "chinese", "short"]
)
def test_unicode_is_read_with_and_without_a_mark(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Café", "latin-1"),
        ("Straße – naïve façade “œuvre”, 5 € für Ähren", "cp1252"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (JAPANESE, "shift_jis"),
        (JAPANESE * 5, "euc_jp"),
        (JAPANESE, "iso2022_jp"),
        (CHINESE, "gb18030"),
        (POLISH, "cp1250"),
    ],
)
def test_older_encodings_are_recognised(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_a_declared_encoding_is_believed_where_the_bytes_allow_it() -> None:
    greek = "Καλημέρα"
    assert decode(greek.encode("iso8859-7"), "ISO-8859-7") == greek
    assert decode(greek.encode(), "iso-8859-7") == greek
    assert decode("Café".encode("cp1252"), "no-such-code") == "Café"
    assert decode("Café".encode("cp1252"), "zlib") == "Café"


def test_damaged_utf8_stays_utf8() -> None:
    assert decode(RUSSIAN.encode() + b"\xff" + RUSSIAN.encode()) == RUSSIAN + "\ufffd" + RUSSIAN


@pytest.mark.parametrize(
    "data", [bytes(range(256)) * 8, b"\x00" * 500, b"\x01\x02\x03\x00" * 100, bytes(range(128, 256)) + b"\x00\x01" * 20]
)
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(ExtractionFailed) as refusal:
        decode(data)
    assert refusal.value.code == "unsupported_media_type"


def test_a_stray_control_character_does_not_make_a_text_binary() -> None:
    assert decode(b"a line\x00 with\x07 strays\x1b[0m " * 20).startswith("a line with strays[0m a line")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\r\nb\rc\u2028d\x0ce\x85f", "a\nb\nc\nd\ne\nf"),
        ("in\u00advisible\ufeff \u202eover\u202cride", "invisible override"),
        ("tag\U000e0041\U000e007f", "tag"),
        ("lone\ud800surrogate\uffff", "lonesurrogate"),
        ("e\u0301 👩\u200d🔬 \u0e01\u200b\u0e02", "e\u0301 👩\u200d🔬 \u0e01\u200b\u0e02"),
    ],
)
def test_what_cannot_be_seen_is_dropped_and_the_rest_kept(raw: str, shown: str) -> None:
    assert clean(raw) == shown


@given(st.binary(max_size=400), st.sampled_from([None, "utf-8", "latin-1", "utf-16", "undefined", "idna", ""]))
def test_any_bytes_give_clean_text_or_a_refusal(data: bytes, declared: str | None) -> None:
    try:
        text = decode(data, declared)
    except ExtractionFailed:
        return
    assert not [char for char in text if unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"]
