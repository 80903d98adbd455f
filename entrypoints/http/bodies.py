"""JSON bodies of requests: read strictly, held against a model, and remembered for telling repeats apart."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from domain.shared.errors import Invalid, TooLarge, UnsupportedMedia, Violation
from entrypoints.http import strict_json
from entrypoints.http.content import JSON, MERGE_PATCH, media_type_of, read
from entrypoints.http.documented import SCHEMA_REFERENCE, add_problem
from entrypoints.http.exchange import exchange_of
from entrypoints.http.violations import violations_of

M = TypeVar("M", bound=BaseModel)


class Input(BaseModel):
    """Base of everything that is taken in: unknown members are refused, and no type is turned into another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Nothing(Input):
    """An object without members, for verbs that take no content."""


def canonical(value: Any) -> bytes:
    """The same bytes for the same members, whatever their order, spacing or notation was."""
    return orjson.dumps(_plain_numbers(value), option=orjson.OPT_SORT_KEYS)


def validated(model: type[M], members: Any) -> M:
    """`members` (parsed JSON) as `model`; raises Invalid with a violation for everything that is wrong."""
    try:
        return model.model_validate_json(orjson.dumps(members))
    except ValidationError as error:
        raise Invalid(violations=violations_of(error, model)) from None


class JsonBody(Generic[M]):
    """The body of a request as `model`. With `optional`, no content at all stands for an empty object.

    The member `form` says how to answer and not what is asked, so it does not tell repeats apart.
    """

    def __init__(
        self,
        model: type[M],
        example: Mapping[str, Any] | None = None,
        *,
        optional: bool = False,
        form: str | None = None,
    ) -> None:
        self.model = model
        self._example = example
        self._optional = optional
        self._form = form

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        return (self.model,)

    async def __call__(self, request: Request) -> M:
        raw = b""
        if not self._optional or _has_content(request):
            media_type_of(request, (JSON,))
            raw = await read(request)
        members = {} if self._optional and not raw else strict_json.parse(raw)
        exchange_of(request).members = canonical(self._asked(members))
        return validated(self.model, members)

    def describe(self, operation: dict[str, Any]) -> None:
        schema = {"$ref": SCHEMA_REFERENCE.format(model=self.model.__name__)}
        _describe(operation, JSON, schema, self._example, required=not self._optional)

    def _asked(self, members: Any) -> Any:
        if not isinstance(members, dict):
            return members
        return {name: value for name, value in members.items() if name != self._form}


class Patch(Generic[M]):
    """A JSON merge patch (RFC 7396), to be applied to the members that are there."""

    def __init__(self, model: type[M], members: Mapping[str, Any]) -> None:
        self._model = model
        self._members = members

    def onto(self, present: Mapping[str, Any]) -> M:
        """What the present members become; raises Invalid where that breaks a rule of the model."""
        return validated(self._model, merged(present, self._members))


class MergePatch(Generic[M]):
    """The body of a PATCH; its members are those of `model`, which says what may result."""

    def __init__(self, model: type[M], example: Mapping[str, Any]) -> None:
        self.model = model
        self._example = example

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        return (self.model,)

    async def __call__(self, request: Request) -> Patch[M]:
        media_type_of(request, (JSON, MERGE_PATCH))
        members = strict_json.parse(await read(request))
        if not isinstance(members, dict):
            raise Invalid(violations=[Violation("", "type", "Use an object.")])
        if members.keys() - self.model.model_fields.keys():
            detail = f"Only these members can be changed: {', '.join(self.model.model_fields)}."
            raise Invalid(violations=[Violation("", "unknown_member", detail)])
        return Patch(self.model, members)

    def describe(self, operation: dict[str, Any]) -> None:
        """As what it is. Where two media types have one schema, generated clients cannot tell which one to send."""
        schema = {"$ref": SCHEMA_REFERENCE.format(model=patch_name(self.model))}
        _describe(operation, MERGE_PATCH, schema, self._example, required=True)


def patch_name(model: type[BaseModel]) -> str:
    """The name of the schema that a merge patch of `model` has: the same members, none of them required."""
    return f"{model.__name__}Patch"


def merged(target: Any, patch: Any) -> Any:
    """The result of a JSON merge patch, RFC 7396 §2."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _has_content(request: Request) -> bool:
    headers = exchange_of(request).headers
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0") != b""


def _plain_numbers(value: Any) -> Any:
    """1.0 and 1 are the same number in JSON."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= strict_json.INTEGER_MAX:
        return int(value)
    if isinstance(value, dict):
        return {name: _plain_numbers(item) for name, item in value.items()}
    return [_plain_numbers(item) for item in value] if isinstance(value, list) else value


def _describe(
    operation: dict[str, Any], media: str, schema: dict[str, Any], example: Mapping[str, Any] | None, *, required: bool
) -> None:
    content = {"schema": schema} | ({"example": dict(example)} if example is not None else {})
    operation["requestBody"] = {"required": required, "content": {media: content}}
    for refusal in (strict_json.MalformedJson, TooLarge, UnsupportedMedia, Invalid):
        add_problem(operation, refusal)
