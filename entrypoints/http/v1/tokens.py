"""Sign-in: the token endpoint of OAuth 2 (RFC 6749), revocation (RFC 7009) and introspection (RFC 7662)."""

from typing import Annotated, Any, Final

from fastapi import Depends, Request
from starlette.responses import Response

from application.identity.authentication import AuthenticationService
from application.identity.federation import FederationService
from application.identity.introspection import IntrospectionService
from application.identity.second_factors import Shown
from domain.identity.errors import InvalidGrant, SecondFactorRequired
from domain.shared.actor import Actor, Origin, Permission
from domain.shared.errors import Malformed, RateLimited
from entrypoints.http import strict_json
from entrypoints.http.documented import problems
from entrypoints.http.exchange import exchange_of
from entrypoints.http.forms import FormBody, InvalidRequest
from entrypoints.http.provided import provided
from entrypoints.http.representations import json_response
from entrypoints.http.routers import Router
from entrypoints.http.security import anyone, needs
from entrypoints.http.v1.schemas.tokens import (
    INTROSPECTION,
    TOKEN,
    TOKEN_FORM,
    IntrospectionForm,
    IntrospectionOut,
    RevocationForm,
    RevokedOut,
    TokenForm,
    TokenOut,
    introspection_out,
    token_out,
)
from entrypoints.http.v1.schemas.values import shown

router = Router("/api/v1/auth", tags=["Sign-in"])

Authentication = Annotated[AuthenticationService, provided("identity.authentication")]
Caller = Annotated[Origin, anyone(oauth=True)]
NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
USER_AGENT_MAX: Final = 300


class UnsupportedGrantType(Malformed):
    """RFC 6749 §5.2 `unsupported_grant_type`."""

    default_code = "unsupported_grant_type"
    default_detail = "Use the grant type password, refresh_token or authorization_code."


@router.post(
    "/token",
    response_model=TokenOut,
    responses={200: shown(TOKEN), **problems(InvalidGrant, SecondFactorRequired, UnsupportedGrantType, RateLimited)},
)
async def issue_tokens(
    request: Request,
    origin: Caller,
    form: Annotated[TokenForm, Depends(FormBody(TokenForm, TOKEN_FORM))],
    authentication: Authentication,
    federation: Annotated[FederationService, provided("identity.federation")],
    settings: Annotated[Any, provided("settings")],
) -> Response:
    """Sign in with e-mail and password, or trade a refresh token for the next pair, or a code of single sign-on.

    A refresh token works once; using a spent one ends the whole session. All refused sign-ins look the same, but one:
    where the password is right and the account has a second factor, `second_factor_required` asks for `totp` or
    `passkey`.
    """
    if form.grant_type == "refresh_token":
        if form.refresh_token is None:
            raise InvalidRequest(detail="Send refresh_token with this grant type.")
        pair = await authentication.refresh_grant(origin, refresh_token=form.refresh_token)
    elif form.grant_type == "password" and settings.access.password_grant == "on":  # noqa: S105 (a switch)
        if form.username is None or form.password is None:
            raise InvalidRequest(detail="Send username and password with this grant type.")
        pair = await authentication.password_grant(
            origin,
            email=form.username,
            password=form.password,
            shown=Shown(code=form.totp, passkey=_passkey(form.passkey)),
            user_agent=user_agent_of(request),
        )
    elif form.grant_type == "authorization_code":
        if form.code is None or form.code_verifier is None:
            raise InvalidRequest(detail="Send code and code_verifier with this grant type.")
        pair = await federation.code_grant(
            origin, code=form.code, verifier=form.code_verifier, user_agent=user_agent_of(request)
        )
    else:
        raise UnsupportedGrantType
    return json_response(token_out(pair), headers=NO_STORE)


@router.post("/revoke", response_model=RevokedOut, responses={200: shown({})})
async def revoke_token(
    origin: Caller,
    form: Annotated[RevocationForm, Depends(FormBody(RevocationForm, {"token": "rt_…"}))],
    authentication: Authentication,
) -> Response:
    """End the session of a refresh token or access token, RFC 7009. Unknown tokens are fine."""
    await authentication.revoke(origin, token=form.token)
    return json_response({}, headers=NO_STORE)


@router.post("/introspect", response_model=IntrospectionOut, responses={200: shown(INTROSPECTION)})
async def introspect_token(
    actor: Annotated[Actor, needs(Permission.TOKENS_INTROSPECT)],
    form: Annotated[IntrospectionForm, Depends(FormBody(IntrospectionForm, {"token": "fo_…"}))],
    introspection: Annotated[IntrospectionService, provided("identity.introspection")],
    settings: Annotated[Any, provided("settings")],
) -> Response:
    """What a token is good for at this moment, RFC 7662. Unknown and invalid tokens are just not active."""
    state = await introspection.introspect(actor, form.token)
    return json_response(introspection_out(state, settings.public_url), headers=NO_STORE)


def _passkey(text: str | None) -> dict[str, Any] | None:
    """The JSON text of a form member. Raises InvalidRequest where it is no object."""
    if text is None:
        return None
    try:
        members = strict_json.parse(text.encode())
    except (Malformed, UnicodeEncodeError):
        members = None
    if not isinstance(members, dict):
        raise InvalidRequest(detail="Send passkey as the JSON text of an object.")
    return members


def user_agent_of(request: Request) -> str | None:
    text = exchange_of(request).header(b"user-agent")
    return text[:USER_AGENT_MAX] if text else None
