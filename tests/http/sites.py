"""Every place where the service takes a text, found in its OpenAPI document: bodies, queries, paths, header fields."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx2
from fastapi import FastAPI

from tests.http.operations import FORM, MULTIPART, SOME_ID, Described, described
from tests.http.service import BASE, Caller

KEY: Final = "(name)"
"""A step that stands for the name of a member, where names are free."""
JOINS: Final = frozenset({"and", "or", "not"})
"""Members of filters that stand alone."""
DEPTH_MAX: Final = 6
REQUEST_ID: Final = "X-Request-ID"
FREE: Final = ("Accept", "Authorization", "Content-Type", "Cookie", "Origin", "Traceparent", "User-Agent", REQUEST_ID)
"""Header fields that every operation reads; they are sent to one that reads and to one that writes."""
_numbers = count()


@dataclass(frozen=True)
class Site:
    """One place: a kind with a name, or with the steps that lead into a body."""

    operation: Described
    kind: str
    steps: tuple[str | int, ...]

    def __str__(self) -> str:
        return f"{self.operation} {self.kind} {'/'.join(map(str, self.steps))}"

    async def send(self, caller: Caller, things: dict[str, str], text: str) -> httpx2.Response:
        """The operation's example with the text in this place."""
        names = {name: quote(text if self._is("path", name) else value, safe="") for name, value in things.items()}
        url = BASE + self.operation.template.format_map(names)
        headers: dict[str, Any] = {"If-Match": "*"} if self.operation.method in {"PATCH", "PUT"} else {}
        if self.kind == "query":
            url += "?" + urlencode({self.steps[0]: text})
        if self.kind == "header":
            headers[str(self.steps[0])] = text.encode()
        if self.kind == "part":
            headers["Content-Type"] = f"{MULTIPART}; boundary=x"
        return await caller(self.operation.method, url, headers=headers, **self._content(text))

    def body(self, text: str) -> Any:
        """The example of the body with the text in its place, and with names of its own where names are unique."""
        media = next((media for media in self.operation.bodies if media.endswith("json")), "")
        example = deepcopy(self.operation.bodies.get(media))
        if self.operation.method == "POST" and isinstance(example, dict):
            number = next(_numbers)
            unique = {"email": f"n{number}@example.com", "external_id": f"n{number}", "name": f"n{number}"}
            example |= {name: value for name, value in unique.items() if name in example}
        return _placed(example, self.steps, text) if self.kind == "json" else example

    def _is(self, kind: str, name: str) -> bool:
        return self.kind == kind and self.steps[0] == name

    def _content(self, text: str) -> dict[str, Any]:
        if self.kind == "part":
            return {"content": multipart(str(self.steps[0]), text)}
        if FORM in self.operation.bodies:
            fields = dict(self.operation.bodies[FORM])
            return {"data": fields | {str(self.steps[0]): text} if self.kind == "form" else fields}
        body = self.body(text)
        return {} if body is None else {"json": body}


def multipart(name: str, text: str) -> bytes:
    """A file with the text as its name, as its type, or in a field beside it; unescaped where nobody must escape."""
    file_name = text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A") if name == "filename" else "a.txt"
    disposition = f'Content-Disposition: form-data; name="file"; filename="{file_name}"'
    kind = text if name == "type" else "text/plain"
    parts = [f"{disposition}\r\nContent-Type: {kind}\r\n\r\ncontent {next(_numbers)}"]
    if name not in {"filename", "type"}:
        parts.append(f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}')
    return "".join(f"--x\r\n{part}\r\n" for part in parts).encode() + b"--x--\r\n"


def sites(app: FastAPI) -> Iterator[Site]:
    schemas = app.openapi()["components"]["schemas"]
    for operation in described(app):
        for parameter in operation.document.get("parameters", ()):
            yield Site(operation, parameter["in"], (parameter["name"],))
        for media, content in operation.document.get("requestBody", {}).get("content", {}).items():
            places = _places(content["schema"], schemas, 0)
            if media == MULTIPART:
                names = {"filename", "type"} | {steps[0] for steps in places} - {"file"}
                yield from (Site(operation, "part", (name,)) for name in sorted(map(str, names)))
            else:
                kind = "form" if media == FORM else "json"
                yield from (Site(operation, kind, steps) for steps in sorted(places, key=str))
        if operation.name in {"list_users", "create_collection"}:
            yield from (Site(operation, "header", (name,)) for name in FREE)


def _places(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> set[tuple[str | int, ...]]:
    """The ways to every text that fits the schema, or that comes close: enumerations and ids are texts too."""
    if depth > DEPTH_MAX:
        return set()
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    found: set[tuple[str | int, ...]] = set()
    for kind in schema.get("anyOf", ()):
        found |= _places(kind, schemas, depth + 1)
    for name, member in schema.get("properties", {}).items():
        found |= {(name, *steps) for steps in _places(member, schemas, depth + 1)}
    if schema.get("additionalProperties") is True:
        found |= {(KEY,), ("a",), ("a", 0, "b")}
    if "items" in schema:
        found |= {(0, *steps) for steps in _places(schema["items"], schemas, depth + 1)}
    if schema.get("type") == "string" or not schema.keys() - {"title"}:
        found.add(())
    return found


def _placed(body: Any, steps: tuple[str | int, ...], text: str) -> Any:
    """The body with the text at the end of the steps; what is missing on the way is made."""
    if not steps:
        return text
    step, rest = steps[0], steps[1:]
    if step == KEY:
        return {text: "value"}
    if isinstance(step, int):
        first = body[0] if isinstance(body, list) and body else None
        return [_placed(first, rest, text)]
    around = body if isinstance(body, dict) and step not in JOINS else _FILLED.get(step, {})
    return {**around, step: _placed(around.get(step), rest, text)}


_FILLED: Final[dict[str | int, dict[str, Any]]] = {
    name: {"field": "title", "op": "eq", "value": "Leave"} for name in ("field", "op", "value")
} | {"id": {"type": "user", "id": SOME_ID}, "type": {"type": "user", "id": SOME_ID}}
"""What goes with a member of an object that the example does not have."""
