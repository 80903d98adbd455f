"""Reading a filter from plain JSON values, strictly: whatever is not understood is refused, never ignored."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from domain.knowledge.filters import (
    FIELD_NAMES,
    METADATA,
    ORDERED,
    ORDERING,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Filter,
    Not,
    Op,
    Scalar,
    ScalarType,
    canonical_key,
)
from domain.shared.errors import Invalid, Violation
from domain.shared.values import instant

DEPTH_MAX = 8
CONDITIONS_MAX = 100
LIST_MAX = 1000
TEXT_MAX = 4000
PATH_MAX = 200


def parse_filter(value: object, pointer: str = "/filter") -> Filter:
    """The filter that `value` (parsed JSON) states. Raises Invalid with every broken rule and its JSON pointer."""
    reader = _Reader()
    condition = reader.condition(value, pointer, 1)
    if condition is None or reader.violations:
        raise Invalid("filter_invalid", "The filter is not understood; see errors.", violations=reader.violations)
    return Filter(condition, canonical_key(value))


class _Refused(Exception):
    """Ends the reading of one value; the violation is noted already."""


class _Reader:
    """Collects all violations of one filter, so that a caller mends them in one go."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self._conditions = 0

    def condition(self, value: object, pointer: str, depth: int) -> Condition | None:
        try:
            return self._condition(value, pointer, depth)
        except _Refused:
            return None

    def _condition(self, value: object, pointer: str, depth: int) -> Condition | None:
        self._conditions += 1
        if self._conditions > CONDITIONS_MAX:
            if self._conditions == CONDITIONS_MAX + 1:
                self._note(pointer, "too_many", f"Use at most {CONDITIONS_MAX} conditions.")
            raise _Refused
        if depth > DEPTH_MAX:
            raise self._refuse(pointer, "too_deep", f"Nest conditions at most {DEPTH_MAX} deep.")
        if not isinstance(value, Mapping):
            raise self._refuse(pointer, "type", "A condition is an object.")
        joins = [name for name in ("and", "or", "not") if name in value]
        if not joins:
            return self._comparison(value, pointer)
        self._only(value, {joins[0]}, pointer)
        if joins[0] == "not":
            part = self.condition(value["not"], f"{pointer}/not", depth + 1)
            return None if part is None else Not(part)
        return self._joined(joins[0], value[joins[0]], f"{pointer}/{joins[0]}", depth)

    def _joined(self, join: str, parts: object, pointer: str, depth: int) -> Condition:
        if not isinstance(parts, (list, tuple)) or not parts:
            raise self._refuse(pointer, "type", "Give a list of at least one condition.")
        read = [self.condition(part, f"{pointer}/{place}", depth + 1) for place, part in enumerate(parts)]
        known = tuple(part for part in read if part is not None)
        return AllOf(known) if join == "and" else AnyOf(known)

    def _comparison(self, value: Mapping[Any, Any], pointer: str) -> Comparison:
        self._only(value, {"field", "op", "value"}, pointer)
        missing = [name for name in ("field", "op", "value") if name not in value]
        for name in missing:
            self._note(f"{pointer}/{name}", "missing", "A condition has field, op and value.")
        if missing:
            raise _Refused
        field, path = self._field(value["field"], f"{pointer}/field")
        op = self._op(value["op"], f"{pointer}/op")
        if field in ("document_id", "created_at") and op is Op.CONTAINS:
            raise self._refuse(f"{pointer}/op", "op_unfit", "This field has no parts; use eq, in or an order.")
        return Comparison(field, op, self._operands(field, op, value["value"], f"{pointer}/value"), path)

    def _field(self, name: object, pointer: str) -> tuple[str, tuple[str, ...]]:
        if isinstance(name, str) and name in FIELD_NAMES:
            return name, ()
        if isinstance(name, str) and name.startswith(f"{METADATA}.") and len(name) <= PATH_MAX:
            path = tuple(name.split(".")[1:])
            if all(path):
                return METADATA, path
        names = ", ".join(sorted(FIELD_NAMES))
        raise self._refuse(pointer, "unknown_field", f"Use one of {names}, or metadata.<name>.")

    def _op(self, name: object, pointer: str) -> Op:
        if isinstance(name, str) and name in tuple(Op):
            return Op(name)
        raise self._refuse(pointer, "unknown_op", f"Use one of {', '.join(Op)}.")

    def _operands(self, field: str, op: Op, value: object, pointer: str) -> tuple[Scalar, ...]:
        if op is Op.EXISTS:
            if not isinstance(value, bool):
                raise self._refuse(pointer, "type", "exists takes true or false.")
            return (Scalar(ScalarType.BOOLEAN, value),)
        if op is not Op.IN:
            return (self._operand(field, op, value, pointer),)
        if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= LIST_MAX:
            raise self._refuse(pointer, "type", f"in takes a list of 1 to {LIST_MAX} values.")
        return tuple(self._operand(field, op, item, f"{pointer}/{place}") for place, item in enumerate(value))

    def _operand(self, field: str, op: Op, value: object, pointer: str) -> Scalar:
        if isinstance(value, str) and len(value) > TEXT_MAX:
            raise self._refuse(pointer, "length", f"Use at most {TEXT_MAX} characters.")
        if field != METADATA:
            if not isinstance(value, str):
                raise self._refuse(pointer, "type", "Give a text.")
            return self._own_type(field, value, pointer)
        scalar = Scalar.of(value)
        if scalar is None or (op in ORDERING and scalar.type not in ORDERED):
            kinds = "a text or a number" if op in ORDERING else "a text, a number, true, false or null"
            raise self._refuse(pointer, "type", f"Give {kinds}.")
        return scalar

    def _own_type(self, field: str, value: str, pointer: str) -> Scalar:
        """A value in the type of its field: ids in their usual form, times as instants."""
        try:
            if field == "document_id":
                return Scalar(ScalarType.TEXT, str(UUID(value)))
            if field == "created_at":
                return Scalar(ScalarType.INSTANT, instant(value))
        except ValueError:
            form = "an id" if field == "document_id" else "a time such as 2025-01-31T12:00:00Z, with its offset"
            raise self._refuse(pointer, "format", f"Give {form}.") from None
        return Scalar(ScalarType.TEXT, value)

    def _only(self, value: Mapping[Any, Any], known: set[str], pointer: str) -> None:
        if set(value) - known:
            raise self._refuse(pointer, "unknown_member", f"Only {', '.join(sorted(known))} may stand here.")

    def _note(self, pointer: str, code: str, detail: str) -> None:
        self.violations.append(Violation(pointer, code, detail))

    def _refuse(self, pointer: str, code: str, detail: str) -> _Refused:
        self._note(pointer, code, detail)
        return _Refused()
