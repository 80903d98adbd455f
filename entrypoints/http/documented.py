"""What the parts of a route say about themselves in the OpenAPI document, so that no route repeats it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable

from pydantic import BaseModel

from domain.shared.errors import FastOpsError
from entrypoints.http.problems import MEDIA_TYPE, STATUS, Problem, title_of

SCHEMA_REFERENCE = "#/components/schemas/{model}"
PROBLEM_REFERENCE = "#/components/schemas/Problem"

FIELDS: Final[dict[str, dict[str, Any]]] = {
    name: {"description": description, "required": True, "schema": {"type": "string", **schema}}
    for name, description, schema in (
        (
            "ETag",
            "The state that is shown; send it as If-Match to change exactly this state.",
            {"pattern": '^"[!#-~]+"$'},
        ),
        ("Location", "Where the resource is.", {"format": "uri-reference"}),
        ("Set-Cookie", "What the browser keeps for the way back, RFC 6265; gone when it was used.", {}),
        ("Content-Disposition", "`attachment` with the file's name, RFC 6266.", {}),
        ("WWW-Authenticate", "How to sign in, RFC 6750 §3.", {"pattern": "^Bearer"}),
        ("Retry-After", "Seconds to wait before the next try.", {"pattern": "^[1-9][0-9]*$"}),
        ("X-Request-ID", "Of this request, in the logs and the audit trail too.", {"minLength": 1, "maxLength": 128}),
    )
}
"""Header fields of answers. An answer that refers to one of them always carries it."""
ALWAYS: Final = frozenset({401, 429, 503})
"""Statuses all of whose refusals carry the fields of any of them."""


@runtime_checkable
class Documented(Protocol):
    """A dependency of routes that adds itself to the operations which use it."""

    def describe(self, operation: dict[str, Any]) -> None:
        """Add parameters, body, headers and refusals to the operation."""

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        """Models whose schemas the description refers to."""


Refusal = type[FastOpsError] | FastOpsError


def problems(*refusals: Refusal) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may refuse with these errors: classes, or instances where the code is special."""
    operation: dict[str, Any] = {"responses": {}}
    for refusal in refusals:
        add_problem(operation, refusal)
    return {int(status): answer for status, answer in operation["responses"].items()}


def add_problem(operation: dict[str, Any], refusal: Refusal) -> None:
    """Say that the operation may refuse like this."""
    error = refusal() if isinstance(refusal, type) else refusal
    add_refusal(operation, STATUS[error.kind], error.code, error.detail, Problem.of(error).headers)


def add_refusal(
    operation: dict[str, Any], status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
) -> None:
    """Say that the operation may answer with this status and code; codes of one status stand side by side."""
    answer = operation.setdefault("responses", {}).setdefault(str(status), {"description": ""})
    content = answer.setdefault("content", {}).setdefault(MEDIA_TYPE, {"schema": {"$ref": PROBLEM_REFERENCE}})
    examples = content.setdefault("examples", {})
    examples[code] = {"summary": detail, "value": _example(status, code, detail)}
    answer["description"] = "Refused: " + ", ".join(f"`{name}`" for name in sorted(examples)) + "."
    add_fields(answer, *(name for name in headers or () if name != "Connection"), always=status in ALWAYS)


def add_fields(answer: dict[str, Any], *names: str, always: bool = True) -> None:
    """Say that an answer carries these header fields, which are among FIELDS; not `always`, where it may do without."""
    for name in names:
        field = {"$ref": f"#/components/headers/{name}"} if always else {**FIELDS[name], "required": False}
        answer.setdefault("headers", {})[name] = field


def add_parameter(
    operation: dict[str, Any],
    place: str,
    name: str,
    schema: dict[str, Any],
    description: str,
    *,
    required: bool = False,
) -> None:
    """Add a parameter in `query` or `header`."""
    parameter = {"name": name, "in": place, "required": required, "description": description, "schema": schema}
    operation.setdefault("parameters", []).append(parameter)


def enum_names(values: Sequence[str]) -> dict[str, list[str]]:
    """Names for the values of an enumeration in generated clients, where the values are none themselves."""
    if all(value.isidentifier() for value in values):
        return {}
    named = (value[1:] + "_descending" if value.startswith("-") else value for value in values)
    return {"x-enum-varnames": [re.sub(r"\W", "_", name).upper() for name in named]}


def add_answer_header(operation: dict[str, Any], name: str, description: str) -> None:
    """Say that successful answers carry this header field."""
    for status, answer in operation.get("responses", {}).items():
        if status.startswith("2"):
            answer.setdefault("headers", {})[name] = {"description": description, "schema": {"type": "string"}}


def _example(status: int, code: str, detail: str) -> dict[str, Any]:
    request_id = "019a3c4e-8f00-7a61-b2f4-5d3c0e9a1b27"
    example: dict[str, Any] = {
        "type": f"/problems/{code}",
        "title": title_of(code),
        "status": status,
        "detail": detail,
        "instance": f"urn:fastops:request:{request_id}",
        "code": code,
        "request_id": request_id,
    }
    if status == 422:
        broken = {"pointer": "/name", "code": "missing", "detail": "This member is required."}
        example["errors"] = [broken] if code == "invalid" else []
    return example
