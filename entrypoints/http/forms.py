"""Form-encoded bodies, as OAuth 2 has them (RFC 6749 appendix B): strict in form, deaf to unknown parameters (§3.2)."""

from typing import Any, Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from domain.shared.errors import Malformed, TooLarge, UnsupportedMedia
from entrypoints.http.content import FORM, media_type_of, read
from entrypoints.http.documented import SCHEMA_REFERENCE, add_problem
from entrypoints.http.exchange import exchange_of
from entrypoints.http.queries import decoded

M = TypeVar("M", bound=BaseModel)

FORM_MAX = 64 * 1024


class InvalidRequest(Malformed):
    """RFC 6749 §5.2 `invalid_request`."""

    default_code = "invalid_request"
    default_detail = "A parameter is missing, repeated or cannot be read."


class FormBody(Generic[M]):
    """The form of a request as `model`; from here on refusals carry the members of RFC 6749 too."""

    def __init__(self, model: type[M], example: dict[str, str]) -> None:
        self.model = model
        self._example = example

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        return (self.model,)

    async def __call__(self, request: Request) -> M:
        exchange_of(request).oauth = True
        media_type_of(request, (FORM,))
        parameters = _parse(await read(request, FORM_MAX))
        try:
            return self.model.model_validate(parameters)
        except ValidationError as error:
            names = ", ".join(sorted({str(item["loc"][0]) for item in error.errors() if item["loc"]}))
            raise InvalidRequest(detail=f"These parameters are missing: {names}.") from None

    def describe(self, operation: dict[str, Any]) -> None:
        schema = {"$ref": SCHEMA_REFERENCE.format(model=self.model.__name__)}
        operation["requestBody"] = {
            "required": True,
            "content": {FORM: {"schema": schema, "example": self._example}},
        }
        for refusal in (InvalidRequest, TooLarge, UnsupportedMedia):
            add_problem(operation, refusal)


def _parse(raw: bytes) -> dict[str, str]:
    """Parameters with a value; those without one count as left out, and none may come twice (RFC 6749 §3.2)."""
    parameters: dict[str, str] = {}
    for name, value in decoded(raw, InvalidRequest):
        if name in parameters or "\0" in value:
            raise InvalidRequest
        if value:
            parameters[name] = value
    return parameters
