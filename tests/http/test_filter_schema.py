"""The filter grammar that the OpenAPI document tells is the one that the domain reads, in both directions."""

import json
from itertools import product
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic.json_schema import models_json_schema

from domain.knowledge.filter_grammar import DEPTH_MAX, LIST_MAX, PATH_MAX, TEXT_MAX, parse_filter
from domain.knowledge.filters import FIELD_NAMES, Op
from domain.shared.errors import Invalid
from entrypoints.http.v1.schemas.search import SearchIn

_, SCHEMAS = models_json_schema([(SearchIn, "validation")], ref_template="#/$defs/{model}")
FILTER = {**SCHEMAS["$defs"]["SearchIn"]["properties"]["filter"], "$defs": SCHEMAS["$defs"]}
VALIDATOR = jsonschema_rs.validator_for(FILTER, validate_formats=True)

FIELDS = [
    *sorted(FIELD_NAMES),
    "metadata.year",
    "metadata.a.b",
    "metadata",
    "metadata.",
    "metadata..a",
    "metadata.a.",
    "metadata." + "x" * PATH_MAX,
    "titles",
    "",
    7,
    None,
]
SCALARS: list[Any] = [
    "",
    "text",
    "x" * TEXT_MAX,
    "x" * (TEXT_MAX + 1),
    "019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70",
    "2026-01-31T12:00:00Z",
    "2026-01-31T12:00:00",
    "2026-01-31 12:00:00Z",
    "2026-01-31",
    1,
    1.5,
    -(2**40),
    True,
    False,
    None,
]
VALUES: list[Any] = [
    *SCALARS,
    [],
    {},
    *([scalar] for scalar in SCALARS),
    ["a", 1],
    ["a"] * LIST_MAX,
    ["a"] * (LIST_MAX + 1),
    [["a"]],
    {"a": 1},
]
COMPARISON = {"field": "title", "op": "eq", "value": "Leave"}
SHAPES: list[Any] = [
    {},
    [],
    "title",
    1,
    {"and": []},
    {"and": [COMPARISON]},
    {"or": [COMPARISON, COMPARISON]},
    {"or": COMPARISON},
    {"and": ["title"]},
    {"not": COMPARISON},
    {"not": [COMPARISON]},
    {"not": {"not": {"and": [{"or": [COMPARISON]}]}}},
    {"and": [COMPARISON], "or": [COMPARISON]},
    {"and": [COMPARISON], "field": "title"},
    {**COMPARISON, "more": 1},
    *({name: value for name, value in COMPARISON.items() if name != left_out} for left_out in COMPARISON),
    {"xor": [COMPARISON]},
]


def is_read(value: object) -> bool:
    try:
        parse_filter(value)
    except Invalid:
        return False
    return True


@pytest.mark.parametrize("op", [*Op, "like", "", 1, None])
def test_every_field_and_operator_takes_the_same_values(op: Any) -> None:
    for field, value in product(FIELDS, VALUES):
        comparison = {"field": field, "op": op, "value": value}
        assert VALIDATOR.is_valid(comparison) is is_read(comparison), json.dumps(comparison)[:200]


@pytest.mark.parametrize("value", SHAPES, ids=lambda value: json.dumps(value)[:60])
def test_every_shape_is_taken_by_both_or_by_none(value: object) -> None:
    assert VALIDATOR.is_valid(value) is is_read(value)


PARTS = st.one_of(
    st.builds(
        lambda field, op, value: {"field": field, "op": op, "value": value},
        st.sampled_from(FIELDS),
        st.sampled_from(list(Op)),
        st.sampled_from(VALUES[: len(SCALARS)]),
    ),
    st.sampled_from(SHAPES),
)


def joined(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(parts, max_size=3)
    return st.one_of(
        st.builds(lambda some: {"and": some}, several),
        st.builds(lambda some: {"or": some}, several),
        st.builds(lambda one: {"not": one}, parts),
    )


@given(st.recursive(PARTS, joined, max_leaves=5))
def test_so_is_whatever_is_put_together_of_them(value: object) -> None:
    """How deep and how many is what the grammar leaves to the domain."""
    if is_read(value):
        assert VALIDATOR.is_valid(value)
    elif not VALIDATOR.is_valid(value):
        return
    else:
        assert _depth(value) > DEPTH_MAX, json.dumps(value)[:300]


def _depth(value: Any) -> int:
    if not isinstance(value, dict):
        return 1
    parts = [*value.get("and", ()), *value.get("or", ()), *([value["not"]] if "not" in value else [])]
    return 1 + max(map(_depth, parts), default=0)
