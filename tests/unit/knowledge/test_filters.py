"""Filters: what they select, and that whatever is not understood is refused with its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.knowledge.filter_grammar import CONDITIONS_MAX, DEPTH_MAX, LIST_MAX, PATH_MAX, TEXT_MAX, parse_filter
from domain.shared.errors import Invalid

ID = UUID("01890000-0000-7000-8000-00000000000a")


@dataclass(frozen=True)
class Paper:
    """A document as filters see it."""

    id: UUID = ID
    title: str = "Wing Theory"
    media_type: str = "text/plain"
    created_at: datetime = datetime(2025, 3, 1, 12, tzinfo=UTC)
    external_id: str | None = None
    language: str | None = "en"
    metadata: Mapping[str, Any] = field(default_factory=dict)


def selects(condition: Any, **fields: Any) -> bool:
    return parse_filter(condition).matches(Paper(**fields))


def on(name: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": name, "op": op, "value": value}


YEAR = {"year": 2020, "tags": ["air", "wing", 3], "deep": {"er": {"x": True}}, "dot.ted": 1, "none": None, "score": 0.5}


@pytest.mark.parametrize(
    ("condition", "selected"),
    [
        (on("metadata.year", "eq", 2020), True),
        (on("metadata.year", "eq", 2020.0), True),
        (on("metadata.year", "eq", "2020"), False),
        (on("metadata.year", "ne", "2020"), True),
        (on("metadata.year", "ne", 2020), False),
        (on("metadata.year", "gte", 2020), True),
        (on("metadata.year", "gt", 2020), False),
        (on("metadata.year", "lt", 2020.5), True),
        (on("metadata.year", "lte", 2019), False),
        (on("metadata.year", "lt", "3000"), False),
        (on("metadata.year", "in", [1, 2020]), True),
        (on("metadata.year", "in", ["2020", True]), False),
        (on("metadata.score", "gt", 0), True),
        (on("metadata.tags", "contains", "wing"), True),
        (on("metadata.tags", "contains", 3), True),
        (on("metadata.tags", "contains", "win"), False),
        (on("metadata.tags", "eq", "wing"), False),
        (on("metadata.tags", "ne", "wing"), True),
        (on("metadata.tags", "in", ["wing"]), False),
        (on("metadata.year", "contains", 2020), False),
        (on("metadata.deep.er.x", "eq", True), True),
        (on("metadata.deep.er.x", "eq", 1), False),
        (on("metadata.deep.er", "exists", True), True),
        (on("metadata.deep.er", "eq", "x"), False),
        (on("metadata.deep.no.x", "exists", True), False),
        (on("metadata.year.x", "exists", False), True),
        (on("metadata.dot.ted", "eq", 1), True),
        (on("metadata.none", "exists", True), True),
        (on("metadata.none", "eq", None), True),
        (on("metadata.year", "eq", None), False),
        (on("metadata.absent", "eq", None), False),
        (on("metadata.absent", "ne", 1), True),
        (on("metadata.absent", "gt", 1), False),
        (on("metadata.absent", "in", [1]), False),
        (on("metadata.absent", "contains", "x"), False),
        (on("metadata.absent", "exists", False), True),
        (on("title", "contains", "Wing"), True),
        (on("title", "contains", "wing"), False),
        (on("title", "gte", "Wing"), True),
        (on("media_type", "in", ["text/plain", "text/html"]), True),
        (on("language", "eq", "en"), True),
        (on("external_id", "exists", False), True),
        (on("external_id", "ne", "x"), True),
        (on("document_id", "eq", str(ID).upper()), True),
        (on("document_id", "in", [str(ID)]), True),
        (on("created_at", "gte", "2025-03-01T13:00:00+01:00"), True),
        (on("created_at", "gt", "2025-03-01T12:00:00Z"), False),
        (on("created_at", "lt", "2025-03-01T12:00:00.000001Z"), True),
        ({"and": [on("language", "eq", "en"), on("metadata.year", "eq", 2020)]}, True),
        ({"and": [on("language", "eq", "en"), on("metadata.year", "eq", 2021)]}, False),
        ({"or": [on("language", "eq", "de"), on("metadata.year", "eq", 2020)]}, True),
        ({"not": on("metadata.absent", "eq", 1)}, True),
        ({"not": {"or": [on("language", "eq", "en")]}}, False),
    ],
)
def test_what_a_filter_selects(condition: Any, selected: bool) -> None:
    assert selects(condition, metadata=YEAR) is selected


@pytest.mark.parametrize(
    ("condition", "pointer", "code"),
    [
        (None, "/filter", "type"),
        ([], "/filter", "type"),
        ("x", "/filter", "type"),
        ({}, "/filter/field", "missing"),
        (on("owner", "eq", "x"), "/filter/field", "unknown_field"),
        (on("metadata", "eq", "x"), "/filter/field", "unknown_field"),
        (on("metadata.", "eq", "x"), "/filter/field", "unknown_field"),
        (on("metadata.a..b", "eq", "x"), "/filter/field", "unknown_field"),
        (on("metadata." + "a" * PATH_MAX, "eq", "x"), "/filter/field", "unknown_field"),
        (on("Title", "eq", "x"), "/filter/field", "unknown_field"),
        ({"field": ["title"], "op": "eq", "value": "x"}, "/filter/field", "unknown_field"),
        (on("title", "like", "x"), "/filter/op", "unknown_op"),
        ({"field": "title", "op": {}, "value": "x"}, "/filter/op", "unknown_op"),
        (on("title", "eq", 5), "/filter/value", "type"),
        (on("title", "eq", None), "/filter/value", "type"),
        (on("title", "eq", "x" * (TEXT_MAX + 1)), "/filter/value", "length"),
        (on("title", "in", "x"), "/filter/value", "type"),
        (on("title", "in", []), "/filter/value", "type"),
        (on("title", "in", ["x"] * (LIST_MAX + 1)), "/filter/value", "type"),
        (on("title", "in", ["x", 5]), "/filter/value/1", "type"),
        (on("title", "exists", "yes"), "/filter/value", "type"),
        (on("metadata.a", "eq", {}), "/filter/value", "type"),
        (on("metadata.a", "gt", True), "/filter/value", "type"),
        (on("metadata.a", "lt", None), "/filter/value", "type"),
        (on("document_id", "eq", "x"), "/filter/value", "format"),
        (on("document_id", "contains", str(ID)), "/filter/op", "op_unfit"),
        (on("created_at", "contains", "2025"), "/filter/op", "op_unfit"),
        (on("created_at", "gt", "2025-03-01"), "/filter/value", "format"),
        (on("created_at", "gt", "2025-03-01T12:00:00.000"), "/filter/value", "format"),
        (on("created_at", "gt", "the first of this month"), "/filter/value", "format"),
        (on("created_at", "gt", "0001-01-01T00:00:00+14:00"), "/filter/value", "format"),
        (on("title", "eq", "x") | {"case": False}, "/filter", "unknown_member"),
        ({"and": on("title", "eq", "x")}, "/filter/and", "type"),
        ({"or": []}, "/filter/or", "type"),
        ({"and": [on("title", "eq", "x")], "or": []}, "/filter", "unknown_member"),
        ({"not": [on("title", "eq", "x")]}, "/filter/not", "type"),
        ({"and": [on("title", "eq", "x"), {"not": on("no", "eq", 1)}]}, "/filter/and/1/not/field", "unknown_field"),
    ],
)
def test_what_is_not_understood_is_refused_at_its_place(condition: Any, pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_filter(condition)
    assert (pointer, code) in [(violation.pointer, violation.code) for violation in refused.value.violations]


def test_all_violations_are_told_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        parse_filter({"or": [on("no", "eq", 1), on("title", "no", "x"), on("title", "eq", 1)]})
    pointers = [violation.pointer for violation in refused.value.violations]
    assert pointers == ["/filter/or/0/field", "/filter/or/1/op", "/filter/or/2/value"]


def test_depth_and_number_of_conditions_have_limits() -> None:
    deep: dict[str, Any] = on("title", "eq", "x")
    for _ in range(DEPTH_MAX - 1):
        deep = {"not": deep}
    assert selects(deep) is True
    for too_much in ({"not": deep}, {"or": [on("title", "eq", "x")] * CONDITIONS_MAX}):
        with pytest.raises(Invalid) as refused:
            parse_filter(too_much)
        assert len(refused.value.violations) == 1


def test_keys_tell_values_of_different_types_apart() -> None:
    keys = {parse_filter(on("metadata.a", "eq", value)).key for value in (1, True, "1", "true", None, "")}
    assert len(keys) == 6
    assert parse_filter({"op": "eq", "value": 1, "field": "metadata.a"}).key in keys


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
operators = st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte", "in", "contains", "exists", "like"])
fields = st.sampled_from(["title", "created_at", "document_id", "metadata.a", "metadata.a.b", "x"])
conditions = st.recursive(
    st.builds(on, fields, operators, json) | json,
    lambda inner: (
        st.builds(lambda join, parts: {join: parts}, st.sampled_from(["and", "or"]), st.lists(inner, max_size=3))
        | st.builds(lambda part: {"not": part}, inner)
    ),
    max_leaves=6,
)


@given(conditions, st.dictionaries(st.sampled_from(["a", "b"]), json, max_size=2))
def test_any_json_is_either_a_filter_or_refused(condition: Any, metadata: dict[str, Any]) -> None:
    try:
        parsed = parse_filter(condition)
    except Invalid:
        return
    paper = Paper(metadata=metadata)
    assert parse_filter({"not": condition}).matches(paper) is not parsed.matches(paper)
