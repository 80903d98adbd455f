"""Query strings, read as strictly as bodies: broken encoding is malformed, unknown and repeated names are invalid."""

import re
from collections.abc import Iterator
from typing import Any, Generic, TypeVar
from urllib.parse import unquote_to_bytes

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from domain.shared.errors import Invalid, Malformed, Violation
from entrypoints.http.documented import SCHEMA_REFERENCE, add_parameter, add_problem
from entrypoints.http.violations import fields_of, parameter_violations

Q = TypeVar("Q", bound=BaseModel)

PARAMETERS_MAX = 50
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class MalformedQuery(Malformed):
    default_code = "malformed_query"
    default_detail = "The query string is not percent-encoded UTF-8."


class Parameters(BaseModel):
    """Base of the parameters that a list or a look-up takes; all of them are texts and optional unless said."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class Queries(Generic[Q]):
    """The query string of a request as `model`."""

    def __init__(self, model: type[Q]) -> None:
        self.model = model

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        return ()

    async def __call__(self, request: Request) -> Q:
        return read_query(self.model, request.scope["query_string"])

    def describe(self, operation: dict[str, Any]) -> None:
        describe_query(operation, self.model)


def read_query(model: type[Q], raw: bytes) -> Q:
    """The query string as `model`. Raises MalformedQuery; Invalid with every unknown name and every broken rule.

    A model that ignores what it does not know lets unknown names by.
    """
    known = fields_of(model)
    parameters: dict[str, str] = {}
    for name, value in decoded(raw, MalformedQuery):
        place = name if name in known else "query"
        if name in parameters:
            raise _invalid(place, "repeated", "Give each parameter once.")
        if _CONTROL.search(name) or _CONTROL.search(value):
            raise _invalid(place, "control_character", "Control characters are not taken.")
        parameters[name] = value
    if parameters.keys() - known and model.model_config.get("extra") != "ignore":
        detail = f"The parameters here are {', '.join(sorted(known))}." if known else "There are no parameters here."
        raise _invalid("query", "unknown_parameter", detail)
    try:
        return model.model_validate(parameters)
    except ValidationError as error:
        raise Invalid(violations=parameter_violations(error)) from None


def decoded(raw: bytes, error: type[Malformed]) -> Iterator[tuple[str, str]]:
    """Names and values of `application/x-www-form-urlencoded` text; raises `error` for what is not UTF-8 in escapes."""
    if _BROKEN_ESCAPE.search(raw) or raw.count(b"&") > PARAMETERS_MAX:
        raise error
    for pair in raw.replace(b"+", b" ").split(b"&"):
        if not pair:
            continue
        name, _, value = pair.partition(b"=")
        try:
            yield unquote_to_bytes(name).decode("utf-8"), unquote_to_bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            raise error from None


def refuse_query(request: Request) -> None:
    """Raise where a request has parameters although its route takes none."""
    if request.scope["query_string"]:
        read_query(Parameters, request.scope["query_string"])


def describe_query(operation: dict[str, Any], model: type[BaseModel]) -> None:
    described = model.model_json_schema(by_alias=True, ref_template=SCHEMA_REFERENCE)
    for name, schema in described.get("properties", {}).items():
        shown = {key: value for key, value in schema.items() if key not in {"title", "description"}}
        any_of = [option for option in shown.pop("anyOf", []) if option != {"type": "null"}]
        if any_of:
            del shown["default"]
            shown = {**any_of[0], **shown}
        if shown.get("type") == "string" and not shown.keys() & {"enum", "format", "pattern"}:
            shown["pattern"] = r"^[^\x00-\x1f\x7f]*$"
        add_parameter(operation, "query", name, shown, schema.get("description", ""))
    for refusal in (MalformedQuery, Invalid):
        add_problem(operation, refusal)


def _invalid(place: str, code: str, detail: str) -> Invalid:
    return Invalid(violations=[Violation(place, code, detail)])
