"""The token endpoint's form and answer, RFC 6749 and RFC 7009."""

from typing import Annotated, Any, Final, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from application.identity.introspection import TokenState
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
    by_code = {"properties": {"grant_type": {"const": "authorization_code"}}}
    schema["else"] = {"if": by_code, "then": _needing("code", "code_verifier"), "else": _needing("refresh_token")}


def _needing(*fields: str) -> dict[str, Any]:
    """With a value, because a parameter without one counts as left out (RFC 6749 §3.2)."""
    return {"required": list(fields), "properties": {field: {"minLength": 1} for field in fields}}


class TokenForm(BaseModel):
    """`password` takes username and password, `refresh_token` a refresh token, `authorization_code` a code of single
    sign-on with its verifier."""

    model_config = ConfigDict(extra="ignore", frozen=True, json_schema_extra=_of_grants)

    grant_type: Annotated[str, Field(json_schema_extra={"enum": ["password", "refresh_token", "authorization_code"]})]
    username: Annotated[str | None, Field(description="The e-mail address.")] = None
    password: Annotated[str | None, Field(json_schema_extra={"format": "password"})] = None
    totp: Annotated[
        str | None,
        Field(
            description="A code of the authenticator app or a recovery code, where the account has a second factor.",
        ),
    ] = None
    passkey: Annotated[
        str | None,
        Field(description="In place of a code: the answer of a passkey to `passkey_options`, as JSON text."),
    ] = None
    refresh_token: str | None = None
    code: Annotated[str | None, Field(description="What `return_to` was called with.")] = None
    code_verifier: Annotated[str | None, Field(description="What `code_challenge` was made of, RFC 7636.")] = None
    scope: Annotated[str | None, Field(description="Taken and ignored: the answer says what was granted.")] = None


class RevocationForm(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, json_schema_extra=_of_form)

    token: Annotated[str, Field(min_length=1, description="A refresh token or an access token.")]
    token_type_hint: str | None = None


class IntrospectionForm(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, json_schema_extra=_of_form)

    token: Annotated[str, Field(min_length=1, description="An access token, a refresh token or an API key.")]
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


class IntrospectionOut(TypedDict):
    """RFC 7662 §2.2, and of the sign-in behind it RFC 9470 §6.2. Of a token that is not active nothing but `active` is
    told."""

    active: bool
    scope: NotRequired[str]
    username: NotRequired[str]
    token_type: NotRequired[str]
    token_kind: NotRequired[Annotated[str, Field(description="`access_token`, `refresh_token` or `api_key`.")]]
    sub: NotRequired[str]
    sid: NotRequired[str]
    exp: NotRequired[int]
    iss: NotRequired[str]
    aud: NotRequired[str]
    auth_time: NotRequired[Annotated[int, Field(description="When its owner last proved who it is, for this token.")]]
    amr: NotRequired[Annotated[list[str], Field(description="By what (RFC 8176).")]]
    acr: NotRequired[Annotated[str, Field(description="How sure that is: `aal1` or `aal2`.")]]


def introspection_out(state: TokenState | None, issuer: str) -> IntrospectionOut:
    if state is None:
        return {"active": False}
    told: IntrospectionOut = {
        "active": True,
        "scope": " ".join(sorted(state.scope)),
        "username": state.username,
        "token_type": "Bearer",
        "token_kind": state.kind,
        "sub": str(state.subject),
        "iss": issuer,
        "aud": issuer,
    }
    if state.session_id is not None:
        told["sid"] = str(state.session_id)
    if state.expires_at is not None:
        told["exp"] = int(state.expires_at.timestamp())
    if state.authenticated_at is not None:
        told["auth_time"] = int(state.authenticated_at.timestamp())
    if state.methods:
        told["amr"] = [str(method) for method in state.methods]
    if state.level is not None:
        told["acr"] = str(state.level)
    return told


def token_out(pair: TokenPair) -> TokenOut:
    return {
        "access_token": pair.access_token,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
        "refresh_token": pair.refresh_token,
        "scope": pair.scope,
    }


INTROSPECTION: Final = {
    "active": True,
    "scope": "answers search",
    "username": "ada@example.com",
    "token_type": "Bearer",
    "token_kind": "access_token",
    "sub": "019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70",
    "sid": "019a3c4e-7b55-7f02-8a41-90e2d3c4b5a6",
    "exp": 1769861100,
    "iss": "https://kb.example.com",
    "aud": "https://kb.example.com",
    "auth_time": 1769860800,
    "amr": ["pwd", "otp", "mfa"],
    "acr": "aal2",
}
TOKEN_FORM: Final = {"grant_type": "password", "username": "ada@example.com", "password": "a long secret sentence"}
TOKEN: Final = {
    "access_token": "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9…",
    "token_type": "Bearer",
    "expires_in": 300,
    "refresh_token": "rt_…",
    "scope": "answers collections:read documents:read search",
}
