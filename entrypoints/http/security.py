"""Who calls, and whether this route lets them: one dependency per route, first in its signature."""

import re
from dataclasses import replace
from typing import Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from pydantic import BaseModel

from application.identity.access import AccessService
from domain.identity.errors import TokenRefused
from domain.shared.actor import Actor, Origin, Permission, anonymous
from domain.shared.errors import Forbidden, RateLimited, Unauthenticated
from entrypoints.http.content import JSON
from entrypoints.http.documented import add_problem, add_refusal
from entrypoints.http.exchange import Exchange, exchange_of
from entrypoints.http.limits import ANSWER, HEALTH, LimitsUnshared, Load, limits_of, load_of
from entrypoints.http.negotiation import chosen
from entrypoints.http.problems import HTTP_REFUSALS
from entrypoints.http.provided import resolver
from entrypoints.http.queries import Queries, refuse_query

CREDENTIAL_MAX = 4096
_CREDENTIAL = re.compile(r"[A-Za-z0-9._~+/=_-]+")
_access = resolver("identity.access")


class Caller(HTTPBearer):
    """The actor of a signed-in request, by access token or API key, with the permission that the route needs.

    Checks in this order: credentials (401), limits (429), permission (403), what Accept allows (406), stray parameters
    (422). Refused credentials count for the address, and 429 stands in for 401 where there were too many.
    Whether the actor may know of a resource (404) is the service's to say.
    """

    def __init__(self, permission: Permission | None, answers: tuple[str, ...], load: Load | None) -> None:
        super().__init__(scheme_name="bearer", description="Access token of /api/v1/auth/token, or an API key.")
        self.permission = permission
        self.answers = answers
        self.load = load

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        return ()

    async def __call__(self, request: Request) -> Actor:  # type: ignore[override]
        exchange, limits = exchange_of(request), await limits_of(request)
        try:
            actor = exchange.actor = await actor_of(request)
        except Unauthenticated:
            await limits.refusal(exchange)
            raise
        await limits.caller(exchange, actor, self.load or load_of(request.scope["method"]))
        if self.permission is not None:
            actor.require(self.permission)
        _check_form(request, self.answers)
        return actor

    def describe(self, operation: dict[str, Any]) -> None:
        operation["security"] = [{"bearer": []}, {"api_key": []}]
        operation["x-permission"] = self.permission.value if self.permission else "signed-in"
        for refusal in (Unauthenticated, TokenRefused, RateLimited, *((Forbidden,) if self.permission else ())):
            add_problem(operation, refusal)
        if self.load is ANSWER:
            add_problem(operation, LimitsUnshared)
        _describe_form(operation, self.answers)


class Anyone:
    """The origin of a request on a public route."""

    permission = None

    def __init__(self, answers: tuple[str, ...], load: Load | None, *, oauth: bool) -> None:
        self.answers = answers
        self.load = load
        self.oauth = oauth

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        return ()

    async def __call__(self, request: Request) -> Origin:
        exchange, limits = exchange_of(request), await limits_of(request)
        exchange.oauth = self.oauth
        await limits.address(exchange, self.load or load_of(request.scope["method"]))
        _check_form(request, self.answers)
        exchange.actor = anonymous(exchange.origin)
        return exchange.origin

    def describe(self, operation: dict[str, Any]) -> None:
        operation["security"] = []
        operation["x-permission"] = "public"
        if self.load is not HEALTH:
            add_problem(operation, RateLimited)
        _describe_form(operation, self.answers)


def needs(permission: Permission, *answers: str, load: Load | None = None) -> Any:
    """The actor, who must hold `permission`; `answers` are the media types that the route gives, JSON unless told.

    `load` is what a request costs; unset, it costs what reads (GET) and writes (all others) do.
    """
    return Depends(Caller(permission, answers or (JSON,), load))


def signed_in(answers: str = JSON, load: Load | None = None) -> Any:
    """The actor, whoever it is; for one's own account and for what a service itself decides."""
    return Depends(Caller(None, (answers,), load))


def anyone(answers: str = JSON, load: Load | None = None, *, oauth: bool = False) -> Any:
    """Nobody needs to sign in; only routes on the public list may use this.

    With `oauth` the refusals of this gate, too, carry the members of RFC 6749 §5.2; those behind it do by the form.
    """
    return Depends(Anyone((answers,), load, oauth=oauth))


async def actor_of(request: Request) -> Actor:
    """Who calls, by the rights of this moment. Raises Unauthenticated, TokenRefused or Unavailable."""
    exchange = exchange_of(request)
    access: AccessService = await _access(request)
    return await access.actor_of(_credential(exchange), exchange.origin)


def also(actor: Actor, permission: Permission) -> Actor:
    """The actor with sight of what it is about to change: whoever may write may see what the answer shows anyway."""
    if permission in actor.permissions:
        return actor
    return replace(actor, permissions=actor.permissions | {permission})


def _credential(exchange: Exchange) -> str:
    """What the request signs in with. Raises Unauthenticated where there is none, TokenRefused where it is none."""
    authorization, key = exchange.header(b"authorization"), exchange.header(b"x-api-key")
    if authorization is None and key is None:
        raise Unauthenticated
    if authorization is not None and key is not None:
        raise TokenRefused(detail="Send one credential, in Authorization or in X-API-Key.")
    if authorization is None:
        scheme, credential = "key", (key or "").strip()
    else:
        scheme, _, credential = authorization.strip().partition(" ")
        credential = credential.strip()
        if scheme.lower() != "bearer":
            raise Unauthenticated(detail="Send an access token or API key as Authorization: Bearer.")
    if len(credential) > CREDENTIAL_MAX or not _CREDENTIAL.fullmatch(credential):
        raise TokenRefused
    if scheme == "key" and not credential.startswith("fo_"):
        raise TokenRefused
    return credential


def _check_form(request: Request, answers: tuple[str, ...]) -> None:
    chosen(request, answers)
    if request.scope["query_string"] and not _takes_query(request):
        refuse_query(request)


def _takes_query(request: Request) -> bool:
    return any(isinstance(item.call, Queries) for item in request.scope["route"].dependant.dependencies)


def _describe_form(operation: dict[str, Any], answers: tuple[str, ...]) -> None:
    if any(answers):
        add_refusal(operation, 406, *HTTP_REFUSALS[406])
