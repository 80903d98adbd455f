"""What two readers of JSON could take differently is refused, in words that never quote it."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.http.strict_json import DEPTH_MAX, MalformedJson, parse

DOUBTFUL = {
    "nothing": b"",
    "spaces": b"  \n",
    "half an object": b'{"name": "Ada"',
    "two values": b"{} {}",
    "a comment": b'{"a": 1} // canary',
    "single quotes": b"{'canary': 1}",
    "trailing comma": b'{"canary": 1,}',
    "a repeated name": b'{"canary": 1, "canary": 2}',
    "a repeated name in other escapes": rb'{"canary": 1, "\u0063anary": 1}',
    "a repeated name in surrogate escapes": '{"\U0001f600": 1, "\\ud83d\\ude00": 1}'.encode(),
    "a repeated empty name": b'{"": {"canary": 1}, "": 1}',
    "a repeated name inside": b'{"a": [{"canary": 1, "canary": 1}]}',
    "not a number": b'{"canary": NaN}',
    "infinity": b'{"canary": Infinity}',
    "minus infinity": b'{"canary": -Infinity}',
    "a number over a double": b'{"canary": 1e400}',
    "a number below a double": b'{"canary": -1e400}',
    "a number far below 64 bits": b'{"canary": -9223372036854775809}',
    "a leading zero": b'{"canary": 01}',
    "a plus sign": b'{"canary": +1}',
    "a bare point": b'{"canary": 1.}',
    "a hexadecimal number": b'{"canary": 0x1}',
    "undefined": b'{"canary": undefined}',
    "capital true": b'{"canary": True}',
    "a number over 64 bits": b'{"canary": 9223372036854775808}',
    "10 to the 400": b'{"canary": 1' + b"0" * 400 + b"}",
    "more digits than Python reads": b"9" * 10_000,
    "half a surrogate pair": rb'{"canary": "\ud800"}',
    "half a pair in a name": rb'{"canary\udfff": 1}',
    "a pair the wrong way round": rb'"\ude00\ud83d"',
    "NUL as escape": rb'{"canary": "\u0000"}',
    "NUL in a name": rb'{"canary\u0000": 1}',
    "NUL as byte": b'{"canary": "\x00"}',
    "a control character": b'{"canary": "\x01"}',
    "a line break in a text": b'{"canary": "a\nb"}',
    "a byte order mark": b'\xef\xbb\xbf{"canary": 1}',
    "UTF-16": '{"canary": 1}'.encode("utf-16"),
    "Latin-1": '{"canary": "é"}'.encode("latin-1"),
    "overlong UTF-8": b'"\xc0\xaf"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "one level too many": b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1),
    "half a million levels": b"[" * 500_000,
    "one level too many of objects": b'{"canary":' * DEPTH_MAX + b"[]" + b"}" * DEPTH_MAX,
    "one level too many of both": b'[{"canary":' * (DEPTH_MAX // 2) + b"{}" + b"}]" * (DEPTH_MAX // 2),
    "deep objects": b'{"a":' * 100 + b"1" + b"}" * 100,
}


@pytest.mark.parametrize("raw", DOUBTFUL.values(), ids=DOUBTFUL.keys())
def test_doubtful_json_is_refused_without_quoting_it(raw: bytes) -> None:
    with pytest.raises(MalformedJson) as refusal:
        parse(raw)
    assert refusal.value.code == "malformed_json"
    assert "canary" not in refusal.value.detail


def test_the_edges_of_what_is_taken() -> None:
    assert parse(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX)
    assert parse(b'[{"a":' * (DEPTH_MAX // 2 - 1) + b"[{}]" + b"}]" * (DEPTH_MAX // 2 - 1))
    assert parse(b"[" * 10 + b'"' + b"[{" * 500 + b'"' + b"]" * 10)
    assert parse(b"9223372036854775807") == 2**63 - 1
    assert parse(b"-9223372036854775808") == -(2**63)
    assert parse(b"1e308") == 1e308
    assert parse(b"[-0, -0.0, 1e-400, 0.%b]" % (b"1" * 5000)) == [0, 0, 0, 1 / 9]
    assert parse(rb'"\ud83d\ude00\u00e9"') == "😀é"
    assert parse(b'"\x7f"') == "\x7f"
    assert parse(b' {"a": {}, "b": {"a": 1}} ') == {"a": {}, "b": {"a": 1}}


scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values = st.recursive(
    scalars | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=30,
)


@given(values)
def test_every_proper_value_is_taken_as_it_is(value: object) -> None:
    for escaped in (True, False):
        assert parse(json.dumps(value, ensure_ascii=escaped).encode()) == value


@given(st.binary(max_size=200))
def test_no_bytes_bring_the_reader_down(raw: bytes) -> None:
    with contextlib.suppress(MalformedJson):
        parse(raw)
