"""Whether a schema still fits those who rely on it: what was taken is taken, and nothing is given that was not.

`jsonschema_rs` (of the development group) decides; the walk here only finds the member that a refusal is about.
"""

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

from jsonschema_rs import canonical, canonicalize

Schema = dict[str, Any]

REFERENCE: Final = "#/components/schemas/"
NULL: Final = {"type": "null"}
INSIDE: Final = frozenset({"properties", "items", "additionalProperties", "anyOf", "oneOf"})
NAMED: Final = frozenset({"properties", "schemas"})
"""Keywords under which names stand and not keywords."""
SHOWN_MAX: Final = 160


class Side(Enum):
    """Requests must be taken as before; answers must be such as were given before."""

    REQUEST = "request"
    ANSWER = "answer"


class SchemaComparison:
    """Holds schemas of two documents against each other; a component is reported once, however often it is used."""

    def __init__(self, old: Mapping[str, Schema], new: Mapping[str, Schema]) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[Side, str, str]] = set()
        self._skipped = 0

    def breaks(self, place: str, old: Schema, new: Schema, side: Side) -> Iterator[str]:
        """A line for everything at `place` that breaks clients on this side."""
        if self._fits(old, new, side):
            return
        names = old.get("$ref", ""), new.get("$ref", "")
        if any(names):
            if (side, *names) in self._seen:
                self._skipped += 1
                return
            self._seen.add((side, *names))
            if names[0] == names[1]:
                place = f"{names[0].removeprefix(REFERENCE)} ({side.value})"
            yield from self.breaks(place, self._target(old, self._old), self._target(new, self._new), side)
            return
        skipped = self._skipped
        lines = list(self._inside(place, old, new, side))
        inside_only = self._skipped > skipped and self._fits(_outside(old, new), _outside(new, old), side)
        if not lines and not inside_only:
            change = "takes less" if side is Side.REQUEST else "gives what it did not"
            lines = [f"{place}: {change}: was {_shown(old)}, is {_shown(new)}"]
        yield from lines

    def _inside(self, place: str, old: Schema, new: Schema, side: Side) -> Iterator[str]:
        """The breaks within members, items and options; what a schema says beside them is not looked at."""
        yield from self._members(place, old, new, side)
        for keyword in ("items", "additionalProperties"):
            if isinstance(old.get(keyword), dict) and isinstance(new.get(keyword), dict):
                yield from self.breaks(f"{place}/*", old[keyword], new[keyword], side)
        for keyword in ("anyOf", "oneOf"):
            before, after = old.get(keyword, []), new.get(keyword, [])
            wider, narrower = (after, before) if side is Side.REQUEST else (before, after)
            if NULL in narrower and NULL not in wider:
                yield f"{place}: {'null is no longer taken' if side is Side.REQUEST else 'may be null'}"
            options = [[item for item in options if item != NULL] for options in (before, after)]
            if len(options[0]) == len(options[1]):
                for one, other in zip(*options, strict=True):
                    yield from self.breaks(place, one, other, side)

    def _members(self, place: str, old: Schema, new: Schema, side: Side) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed, needed_now = set(old.get("required", [])), set(new.get("required", []))
        for name in sorted(before.keys() - after.keys()):
            yield f"{place}/{name}: the member is gone"
        for name in sorted(needed_now - needed if side is Side.REQUEST else (needed - needed_now) & after.keys()):
            yield f"{place}/{name}: {'is required now' if side is Side.REQUEST else 'may be missing now'}"
        for name in sorted(before.keys() & after.keys()):
            yield from self.breaks(f"{place}/{name}", before[name], after[name], side)

    def _fits(self, old: Schema, new: Schema, side: Side) -> bool:
        before, after = _closed(old, self._old), _closed(new, self._new)
        if before == after:
            return True
        if side is Side.ANSWER:
            before, after = after, before
            before, after = _as_read(before), _as_read(after)
        wide, narrow = (canonicalize(schema, validate_formats=True) for schema in (after, before))
        return wide.covers(narrow) is canonical.Containment.YES

    def _target(self, schema: Schema, components: Mapping[str, Schema]) -> Schema:
        reference = schema.get("$ref")
        return components[reference.removeprefix(REFERENCE)] if reference else schema


def references(value: Any) -> Iterator[str]:
    """The names of the components that a part of a document refers to."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix(REFERENCE)
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def _outside(schema: Schema, other: Schema) -> Schema:
    """What a schema says beside the parts that are held against those of the other one."""
    return {
        key: value
        for key, value in schema.items()
        if key not in INSIDE or not isinstance(value, type(other.get(key))) or isinstance(value, bool)
    }


def _closed(schema: Schema, components: Mapping[str, Schema]) -> Schema:
    """The schema with all that it refers to, as a document of its own."""
    found: dict[str, Schema] = {}
    waiting = list(references(schema))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = components[name]
            waiting += references(found[name])
    return {**schema, "components": {"schemas": found}} if found else schema


def _as_read(schema: Any) -> Any:
    """What clients may rely on in answers: further members and further values of a list of values come as they will."""
    if isinstance(schema, list):
        return [_as_read(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    read = {key: _as_read(item) for key, item in schema.items() if key not in {"enum", "const", *NAMED}}
    read |= {key: {name: _as_read(item) for name, item in schema[key].items()} for key in NAMED & schema.keys()}
    if read.get("additionalProperties") is False:
        del read["additionalProperties"]
    return read


def _shown(schema: Schema) -> str:
    text = json.dumps(schema, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= SHOWN_MAX else f"{text[: SHOWN_MAX - 1]}…"
