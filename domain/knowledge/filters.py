"""The filter grammar of searches: conditions on documents, joined by and, or and not, checked without any store.

Values compare within their type only: 1 equals 1.0, but neither true nor "1". A field that is missing (or holds a
list or an object where a single value is asked for) satisfies no comparison, so `ne` and `not` hold for it and
`exists` tells the cases apart. `contains` means an element of a list, or a part of a text, with case.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeAlias
from uuid import UUID

METADATA = "metadata"


class Op(StrEnum):
    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    CONTAINS = "contains"
    EXISTS = "exists"


ORDERING = frozenset({Op.GT, Op.GTE, Op.LT, Op.LTE})


class Fields(Protocol):
    """What a filter can ask of a document."""

    @property
    def id(self) -> UUID: ...
    @property
    def title(self) -> str: ...
    @property
    def media_type(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def external_id(self) -> str | None: ...
    @property
    def language(self) -> str | None: ...
    @property
    def metadata(self) -> Mapping[str, Any]: ...


class ScalarType(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NULL = "null"
    INSTANT = "instant"


ORDERED = frozenset({ScalarType.TEXT, ScalarType.NUMBER, ScalarType.INSTANT})


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value with its type, so that equality never crosses types."""

    type: ScalarType
    value: Any

    @classmethod
    def of(cls, value: object) -> "Scalar | None":
        """None for what is not a single value."""
        if value is None:
            return cls(ScalarType.NULL, None)
        if isinstance(value, bool):
            return cls(ScalarType.BOOLEAN, value)
        if isinstance(value, (int, float)):
            return cls(ScalarType.NUMBER, value)
        if isinstance(value, str):
            return cls(ScalarType.TEXT, value)
        return cls(ScalarType.INSTANT, value) if isinstance(value, datetime) else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field against operands: one of them, several for `in`. `path` leads into the metadata."""

    field: str
    op: Op
    operands: tuple[Scalar, ...]
    path: tuple[str, ...] = ()

    def matches(self, fields: Fields) -> bool:
        present, value = self._value(fields)
        if self.op is Op.EXISTS:
            return present is self.operands[0].value
        if self.op is Op.CONTAINS:
            return present and _contains(value, self.operands[0])
        found = Scalar.of(value) if present else None
        if self.op is Op.NE:
            return found != self.operands[0]
        if found is None:
            return False
        return _ordered(self.op, found, self.operands[0]) if self.op in ORDERING else found in self.operands

    def _value(self, fields: Fields) -> tuple[bool, Any]:
        if self.path:
            return _within(fields.metadata, self.path)
        value = _FIELDS[self.field](fields)
        return value is not None, value


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple["Condition", ...]

    def matches(self, fields: Fields) -> bool:
        return all(part.matches(fields) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple["Condition", ...]

    def matches(self, fields: Fields) -> bool:
        return any(part.matches(fields) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"

    def matches(self, fields: Fields) -> bool:
        return not self.part.matches(fields)


Condition: TypeAlias = Comparison | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Filter:
    """A whole filter. `key` is its canonical text: filters of equal keys select the same documents."""

    condition: Condition
    key: str

    def matches(self, fields: Fields) -> bool:
        """Whether a document satisfies the filter."""
        return self.condition.matches(fields)


def canonical_key(value: object) -> str:
    """JSON text with sorted members; unlike equality of values it tells 1 from true."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


_FIELDS: Mapping[str, Callable[[Fields], object]] = {
    "title": lambda fields: fields.title,
    "media_type": lambda fields: fields.media_type,
    "created_at": lambda fields: fields.created_at,
    "document_id": lambda fields: str(fields.id),
    "external_id": lambda fields: fields.external_id,
    "language": lambda fields: fields.language,
}
FIELD_NAMES = frozenset(_FIELDS)


def _within(node: object, path: tuple[str, ...]) -> tuple[bool, Any]:
    """Whether a path leads to a member, and its value. A member whose own name holds dots is met before deeper ones."""
    if not isinstance(node, Mapping):
        return False, None
    whole = ".".join(path)
    if whole in node:
        return True, node[whole]
    if len(path) == 1 or path[0] not in node:
        return False, None
    return _within(node[path[0]], path[1:])


def _contains(value: object, wanted: Scalar) -> bool:
    if isinstance(value, str):
        return wanted.type is ScalarType.TEXT and wanted.value in value
    return isinstance(value, (list, tuple)) and any(Scalar.of(item) == wanted for item in value)


def _ordered(op: Op, found: Scalar, bound: Scalar) -> bool:
    if found.type is not bound.type or found.type not in ORDERED:
        return False
    if op is Op.GT:
        return bool(found.value > bound.value)
    if op is Op.GTE:
        return bool(found.value >= bound.value)
    return bool(found.value < bound.value) if op is Op.LT else bool(found.value <= bound.value)
