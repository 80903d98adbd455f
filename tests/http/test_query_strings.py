"""Query strings are read strictly: broken encoding is malformed; unknown, repeated and unfit parameters are invalid."""

import contextlib
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.errors import Invalid
from entrypoints.http.lists import ListParameters
from entrypoints.http.queries import MalformedQuery, Parameters, read_query
from entrypoints.http.v1.schemas.audit_events import AuditParameters
from entrypoints.http.v1.schemas.jobs import JobParameters
from entrypoints.http.v1.schemas.users import UserParameters


@pytest.mark.parametrize("raw", [b"q=%", b"q=%4", b"q=%zz", b"q=%ff", b"q=\xff", b"q=%ed%a0%80", b"%ff=1", b"&" * 100])
def test_what_is_no_percent_encoded_utf8_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedQuery):
        read_query(UserParameters, raw)


@pytest.mark.parametrize(
    ("raw", "pointer", "code"),
    [
        (b"q=1&q=1", "q", "repeated"),
        (b"q=1&%71=1", "q", "repeated"),
        (b"canary=1&canary=1", "query", "repeated"),
        (b"q=%00", "q", "control_character"),
        (b"q=a%0d%0aSet-Cookie:x", "q", "control_character"),
        (b"%00=1", "query", "control_character"),
    ],
)
def test_repeated_names_and_control_characters_are_invalid(raw: bytes, pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_query(UserParameters, raw)
    assert [(item.pointer, item.code) for item in refusal.value.violations] == [(pointer, code)]


def test_plus_and_escapes_are_decoded_once() -> None:
    query = read_query(UserParameters, b"q=a+b%2Bc%20d&role=%C3%A9%2525&email=&&cursor")
    assert query.filters() == {"q": "a b+c d", "role": "é%25", "email": ""}
    assert query.cursor == ""


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.0", "1e2", "٥", " 5", "+5", "", "abc", "99999999999999999999"])
def test_a_limit_is_a_plain_number_from_1_to_200(limit: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_query(ListParameters, urlencode({"limit": limit}).encode())
    assert [item.pointer for item in refusal.value.violations] == ["limit"]


def test_of_unknown_parameters_it_is_told_which_ones_are_known() -> None:
    with pytest.raises(Invalid) as refusal:
        read_query(ListParameters, b"limits=1&canary=1&limit=0")
    (violation,) = refusal.value.violations
    assert (violation.pointer, violation.code) == ("query", "unknown_parameter")
    assert violation.detail == "The parameters here are cursor, limit, sort."
    with pytest.raises(Invalid) as refusal:
        read_query(Parameters, b"canary")
    assert [item.detail for item in refusal.value.violations] == ["There are no parameters here."]


def test_times_need_an_offset_and_ids_their_usual_form() -> None:
    assert read_query(AuditParameters, b"from=2026-01-31T12:00:00%2B01:00").filters()["from"].hour == 11
    for text in (
        "2026-01-31",
        "2026-01-31T12:00:00",
        "1700000000",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
    ):
        with pytest.raises(Invalid):
            read_query(AuditParameters, urlencode({"from": text}).encode())
    with pytest.raises(Invalid):
        read_query(JobParameters, b"subject_id={019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70}")


@given(st.binary(max_size=100))
def test_no_bytes_bring_the_reader_down(raw: bytes) -> None:
    with contextlib.suppress(MalformedQuery, Invalid):
        read_query(AuditParameters, raw)
