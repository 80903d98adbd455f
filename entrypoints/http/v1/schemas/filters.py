"""The filter grammar as the OpenAPI document tells it. Reading filters is the domain's, which says where they break."""

from typing import Annotated, Any, Final, TypeAlias

from pydantic import ConfigDict, Field, GetJsonSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema

from domain.knowledge.filter_grammar import LIST_MAX, PATH_MAX, TEXT_MAX
from domain.knowledge.filters import FIELD_NAMES, METADATA, ORDERING, Op
from entrypoints.http.bodies import Input

TEXT: Final = {"type": "string", "maxLength": TEXT_MAX}
VALUE: Final = {"anyOf": [TEXT, {"type": ["number", "boolean", "null"]}]}
ORDERED: Final = {"anyOf": [TEXT, {"type": "number"}]}
VALUES_OF: Final = {
    "document_id": {"type": "string", "format": "uuid"},
    "created_at": {"type": "string", "format": "date-time"},
}
"""Fields whose values have a form of their own; they have no parts either, so `contains` is not for them."""
FIELD: Final = rf"^({'|'.join(sorted(FIELD_NAMES))}|{METADATA}(\.[^.]+)+)$"


class DescribedAs:
    """Checked as what it annotates, described as `other`."""

    def __init__(self, other: Any) -> None:
        self._other = other

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(TypeAdapter(self._other).core_schema)


def _holds(member: str, *values: str) -> dict[str, Any]:
    return {"properties": {member: {"enum": list(values)}}}


def _takes(value: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"value": value}}


def _lists(value: dict[str, Any]) -> dict[str, Any]:
    """What `in` takes, and what the other comparisons take."""
    several = {"type": "array", "minItems": 1, "maxItems": LIST_MAX, "items": value}
    return {"if": _holds("op", Op.IN), "then": _takes(several), "else": _takes(value)}


def _of_fields(schema: dict[str, Any]) -> None:
    """Which values go with which field and operator: one question after the other, so that all else is open to none."""
    of_metadata = {"if": _holds("op", *sorted(ORDERING)), "then": _takes(ORDERED), "else": _lists(VALUE)}
    rest: dict[str, Any] = {
        "if": {"properties": {"field": {"pattern": rf"^{METADATA}\."}}},
        "then": of_metadata,
        "else": _lists(TEXT),
    }
    for field, value in VALUES_OF.items():
        own = _lists(value) | {"not": _holds("op", Op.CONTAINS)}
        rest = {"if": _holds("field", field), "then": own, "else": rest}
    schema |= {"if": _holds("op", Op.EXISTS), "then": _takes({"type": "boolean"}), "else": rest}


class FilterComparison(Input):
    """A field against a value: `exists` takes true or false, `in` a list, the others one value of the field's kind."""

    model_config = ConfigDict(json_schema_extra=_of_fields)

    field: Annotated[str, Field(max_length=PATH_MAX, pattern=FIELD, examples=["metadata.year"])]
    op: Op
    value: Any


class FilterAll(Input):
    """All of these hold."""

    conditions: Annotated[list["Filter"], Field(alias="and", min_length=1)]


class FilterAny(Input):
    """At least one of these holds."""

    conditions: Annotated[list["Filter"], Field(alias="or", min_length=1)]


class FilterNot(Input):
    """This does not hold."""

    condition: Annotated["Filter", Field(alias="not")]


Filter: TypeAlias = FilterComparison | FilterAll | FilterAny | FilterNot
