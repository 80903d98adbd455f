"""Single sign-on: the configured OpenID providers, the way to one, and the way back."""

from typing import Annotated, Any, Final

from fastapi import Depends, Request
from starlette.responses import Response

from application.identity.federation import FederationService
from application.identity.federation_ports import ProviderAnswer
from domain.identity.errors import (
    AccountDisabled,
    AccountUnknown,
    ClientRefused,
    InvalidGrant,
    ProofRefused,
    ProviderDenied,
    ProviderUnavailable,
    SignInNotBegun,
)
from domain.shared.actor import Origin
from domain.shared.errors import FastOpsError
from domain.shared.values import ListQuery
from entrypoints.http.documented import add_fields, problems
from entrypoints.http.lists import ListParameters, listing, page_response, paged
from entrypoints.http.provided import provided
from entrypoints.http.queries import Queries
from entrypoints.http.representations import json_response
from entrypoints.http.routers import Router
from entrypoints.http.security import anyone
from entrypoints.http.v1.schemas.single_sign_on import (
    PROVIDER,
    CallbackParameters,
    LoginParameters,
    ProviderInPath,
    ProvidersOut,
    provider_out,
)
from entrypoints.http.v1.schemas.tokens import TOKEN, TokenOut, token_out
from entrypoints.http.v1.schemas.values import page_of, shown
from entrypoints.http.v1.tokens import NO_STORE, user_agent_of

router = Router("/api/v1/auth/oidc", tags=["Sign-in"])

Federation = Annotated[FederationService, provided("identity.federation")]
Anybody = Annotated[Origin, anyone()]
Installation = Annotated[Any, provided("settings")]
ByName = Annotated[ListQuery, listing(ListParameters, "name", descending=False)]
COOKIE_SECONDS: Final = 600
ATTEMPTS_MAX: Final = 4
"""Sign-ins that one browser may have begun at once; more would fill the head of its requests."""


def sent_on(description: str) -> dict[str, Any]:
    """What OpenAPI says of a redirect."""
    answer: dict[str, Any] = {"description": description}
    add_fields(answer, "Location", "Set-Cookie")
    return answer


@router.get("", response_model=ProvidersOut, responses={200: page_of(PROVIDER)})
async def list_providers(
    request: Request, _: Anybody, query: ByName, federation: Federation, settings: Installation
) -> Response:
    """The OpenID providers that people may sign in by."""
    page = paged(federation.providers(), lambda provider: provider.name, query)
    items = [provider_out(provider, settings.public_url) for provider in page.items]
    return await page_response(request, query, page, items)


@router.get(
    "/{provider}/login",
    status_code=303,
    response_class=Response,
    responses={303: sent_on("On to the provider."), **problems(ProviderUnavailable)},
)
async def begin_sign_on(
    request: Request,
    _: Anybody,
    provider: ProviderInPath,
    parameters: Annotated[LoginParameters, Depends(Queries(LoginParameters))],
    federation: Federation,
    settings: Installation,
) -> Response:
    """Send a browser here to sign in by a provider.

    It comes back to `return_to` with a `code`, to be traded at `/auth/token` with the grant type `authorization_code`
    and the verifier of `code_challenge`; or with `error` and `error_description`. Without `return_to` the tokens are
    the answer of the callback, for programs that follow the redirects themselves.
    """
    begun = await federation.begin(
        provider,
        return_to=parameters.return_to,
        challenge=parameters.code_challenge,
        max_age=parameters.max_age,
        link=parameters.link == "true",
    )
    response = Response(status_code=303, headers={"Location": begun.url})
    jar = _Jar(settings.public_url)
    jar.make_room(request, response)
    jar.keep(response, begun.state, begun.sealed)
    return response


@router.get(
    "/{provider}/callback",
    response_model=TokenOut,
    responses={
        200: shown(TOKEN),
        303: sent_on("Back to `return_to`, with a code or an error."),
        **problems(
            SignInNotBegun,
            InvalidGrant,
            ProviderDenied,
            ProofRefused,
            AccountUnknown,
            AccountDisabled,
            ProviderUnavailable,
            ClientRefused,
        ),
    },
)
async def finish_sign_on(
    request: Request,
    origin: Anybody,
    provider: ProviderInPath,
    parameters: Annotated[CallbackParameters, Depends(Queries(CallbackParameters))],
    federation: Federation,
    settings: Installation,
) -> Response:
    """Where a provider sends the browser back to. It must be the browser that began, within ten minutes, once."""
    jar = _Jar(settings.public_url)
    attempt = federation.attempt(provider, parameters.state, jar.kept(request, parameters.state))
    answer = ProviderAnswer(code=parameters.code, error=parameters.error, issuer=parameters.iss)
    try:
        done = await federation.finish(origin, attempt, answer, user_agent_of(request))
    except FastOpsError as refusal:
        address = federation.refused(attempt, refusal)
        if address is None:
            raise
        done = address
    if isinstance(done, str):
        response = Response(status_code=303, headers={"Location": done})
    else:
        response = json_response(token_out(done), headers=NO_STORE)
    jar.drop(response, attempt.secrets.state)
    return response


class _Jar:
    """The cookies of attempts, one each, so that two tabs do not disturb each other.

    Over https they have the prefix `__Host-`: no other host and no plain connection can set them (RFC 6265bis).
    """

    def __init__(self, public_url: str) -> None:
        self._secure = public_url.startswith("https://")
        self._prefix = "__Host-oidc-" if self._secure else "oidc-"

    def keep(self, response: Response, state: str, sealed: str) -> None:
        self._set(response, self._name(state), sealed, COOKIE_SECONDS)

    def kept(self, request: Request, state: str | None) -> str | None:
        return request.cookies.get(self._name(state)) if state else None

    def drop(self, response: Response, state: str) -> None:
        self._set(response, self._name(state), "", 0)

    def make_room(self, request: Request, response: Response) -> None:
        """Forget all attempts where there are too many: most of them were given up."""
        names = [name for name in request.cookies if name.startswith(self._prefix)]
        for name in names if len(names) >= ATTEMPTS_MAX else ():
            self._set(response, name, "", 0)

    def _name(self, state: str) -> str:
        return self._prefix + state[:16]

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(name, value, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax")
