"""The token endpoint's form and answer, RFC 6749 and RFC 7009."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from application.identity.views import TokenPair
from entrypoints.http.v1.schemas.values import texts_only


def _of_form(schema: dict[str, Any]) -> None:
    """Parameters that nobody knows are let by (RFC 6749 §3.2); none may come twice."""
    texts_only(schema)
    schema["additionalProperties"] = {"type": "string"}


def _of_grants(schema: dict[str, Any]) -> None:
    _of_form(schema)
    schema["if"] = {"properties": {"grant_type": {"const": "password"}}}
    schema["then"] = _needing("username", "password")
    schema["else"] = _needing("refresh_token")


def _needing(*fields: str) -> dict[str, Any]:
    """With a value, because a parameter without one counts as left out (RFC 6749 §3.2)."""
    return {"required": list(fields), "properties": {field: {"minLength": 1} for field in fields}}


class TokenForm(BaseModel):
    """`password` takes username and password, `refresh_token` takes a refresh token."""

    model_config = ConfigDict(extra="ignore", frozen=True, json_schema_extra=_of_grants)

    grant_type: Annotated[str, Field(json_schema_extra={"enum": ["password", "refresh_token"]})]
    username: Annotated[str | None, Field(description="The e-mail address.")] = None
    password: Annotated[str | None, Field(json_schema_extra={"format": "password"})] = None
    refresh_token: str | None = None
    scope: Annotated[str | None, Field(description="Taken and ignored: the answer says what was granted.")] = None


class RevocationForm(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, json_schema_extra=_of_form)

    token: Annotated[str, Field(min_length=1, description="A refresh token or an access token.")]
    token_type_hint: str | None = None


class TokenOut(TypedDict):
    """RFC 6749 §5.1. `expires_in` counts seconds."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str
    scope: str


class RevokedOut(TypedDict):
    """RFC 7009 §2.2: the same for known and unknown tokens."""


def token_out(pair: TokenPair) -> TokenOut:
    return {
        "access_token": pair.access_token,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
        "refresh_token": pair.refresh_token,
        "scope": pair.scope,
    }


TOKEN_FORM: Final = {"grant_type": "password", "username": "ada@example.com", "password": "a long secret sentence"}
TOKEN: Final = {
    "access_token": "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9…",
    "token_type": "Bearer",
    "expires_in": 300,
    "refresh_token": "rt_…",
    "scope": "answers collections:read documents:read search",
}
