"""What in a new OpenAPI document breaks the clients of an old one, a line each. Additions break nobody."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from entrypoints.http.deprecation import SUNSET
from entrypoints.reference.schema_compatibility import SchemaComparison, Side

Part = Mapping[str, Any]

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
SCHEMAS: Final = ("schema", "x-itemSchema")
"""Of the content as a whole, and of each event in a stream."""


def breaks(old: Part, new: Part, today: date) -> list[str]:
    """Everything that a client of `old` may stumble over, in the order of the paths; empty where all is well.

    Both are OpenAPI 3.1 documents in which schemas and header fields alone may be references, as this service has them.
    """
    return list(dict.fromkeys(_Comparison(_unpacked(old), _unpacked(new), today).lines()))


class _Comparison:
    def __init__(self, old: Part, new: Part, today: date) -> None:
        self._old, self._new, self._today = old, new, today
        self._schemas = SchemaComparison(_components(old, "schemas"), _components(new, "schemas"))

    def lines(self) -> Iterator[str]:
        for path, item in sorted(self._old["paths"].items()):
            for method in (name for name in METHODS if name in item):
                place = f"{method.upper()} {path}"
                now = self._new["paths"].get(path, {}).get(method)
                if now is not None:
                    yield from self._operation(place, item[method], now)
                elif not self._has_ended(item[method]):
                    yield f"{place}: the operation is gone"
        new_schemes = _components(self._new, "securitySchemes")
        for name, scheme in sorted(_components(self._old, "securitySchemes").items()):
            if scheme != new_schemes.get(name):
                yield f"security scheme {name}: credentials are sent in another way"

    def _has_ended(self, operation: Part) -> bool:
        sunset = operation.get(SUNSET)
        return sunset is not None and date.fromisoformat(sunset) <= self._today

    def _operation(self, place: str, old: Part, new: Part) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"{place}: operationId was {old['operationId']}, is {new['operationId']}"
        yield from _access(place, old, new)
        yield from self._parameters(place, _parameters(old), _parameters(new))
        yield from self._body(place, old.get("requestBody"), new.get("requestBody"))
        for status, answer in sorted(old["responses"].items()):
            now = new["responses"].get(status)
            if now is None:
                yield f"{place}: is no longer answered with {status}"
            else:
                yield from self._answer(f"{place} {status}", answer, now)

    def _parameters(self, place: str, old: dict[str, Part], new: dict[str, Part]) -> Iterator[str]:
        for name, parameter in old.items():
            now = new.get(name)
            if now is None:
                yield f"{place}: {name} is no longer taken"
                continue
            if now.get("required", False) and not parameter.get("required", False):
                yield f"{place}: {name} is required now"
            if _form(parameter) != _form(now):
                yield f"{place}: {name} is written in another way"
            yield from self._schemas.breaks(f"{place} {name}", parameter["schema"], now["schema"], Side.REQUEST)
        for name in new.keys() - old.keys():
            if new[name].get("required", False):
                yield f"{place}: {name} is required now"

    def _body(self, place: str, old: Part | None, new: Part | None) -> Iterator[str]:
        if old is None or new is None:
            if old is not None:
                yield f"{place}: content is no longer taken"
            elif new is not None and new.get("required", False):
                yield f"{place}: content is required now"
            return
        if new.get("required", False) and not old.get("required", False):
            yield f"{place}: content is required now"
        yield from self._content(place, old["content"], new["content"], Side.REQUEST)

    def _answer(self, place: str, old: Part, new: Part) -> Iterator[str]:
        yield from self._content(place, old.get("content", {}), new.get("content", {}), Side.ANSWER)
        for name, field in sorted(old.get("headers", {}).items()):
            now = new.get("headers", {}).get(name)
            if now is None:
                yield f"{place}: the field {name} is gone"
                continue
            before, after = _resolved(field, self._old), _resolved(now, self._new)
            if before.get("required", False) and not after.get("required", False):
                yield f"{place}: the field {name} may be missing now"
            yield from self._schemas.breaks(f"{place} {name}", before["schema"], after["schema"], Side.ANSWER)

    def _content(self, place: str, old: Part, new: Part, side: Side) -> Iterator[str]:
        for media_type, content in sorted(old.items()):
            if media_type not in new:
                yield f"{place}: {media_type} is no longer {'taken' if side is Side.REQUEST else 'given'}"
                continue
            for part in SCHEMAS:
                before, after = content.get(part, {}), new[media_type].get(part, {})
                yield from self._schemas.breaks(f"{place} {media_type}", before, after, side)


def _access(place: str, old: Part, new: Part) -> Iterator[str]:
    """Security tightened: a way to sign in that is gone, or another right that is needed."""
    if new["security"]:
        gone = [name for way in old["security"] if way not in new["security"] for name in way]
        if gone or not old["security"]:
            yield f"{place}: {f'no longer takes {gone[0]}' if gone else 'a credential is needed now'}"
    before, after = old["x-permission"], new["x-permission"]
    if after != before and _strictness(after) >= _strictness(before):
        yield f"{place}: needs {after} now and not {before}"


def _unpacked(value: Any) -> Any:
    """With the schema of a text's content in place of the text, which itself says nothing."""
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "contentSchema" in value:
        return _unpacked(value["contentSchema"])
    return {key: _unpacked(item) for key, item in value.items()}


def _strictness(permission: str) -> int:
    return {"public": 0, "signed-in": 1}.get(permission, 2)


def _parameters(operation: Part) -> dict[str, Part]:
    return {f"{item['in']} {item['name']}": item for item in operation.get("parameters", [])}


def _form(parameter: Part) -> dict[str, Any]:
    texts = {"description", "required", "schema", "deprecated", "example", "examples"}
    return {key: value for key, value in parameter.items() if key not in texts}


def _resolved(part: Part, document: Part) -> Part:
    name = part.get("$ref", "").rpartition("/")[2]
    found: Part = _components(document, "headers")[name] if name else part
    return found


def _components(document: Part, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = document.get("components", {}).get(kind, {})
    return found
