"""Every refusal as RFC 9457 `application/problem+json`: one table from kinds to statuses, one form, nothing echoed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from application.audit.refusals import Refusals
from domain.shared.actor import anonymous
from domain.shared.errors import FastOpsError, Kind, NotFound, ReauthenticationRequired, Violation
from entrypoints.http.exchange import Exchange, exchange_of, root_of
from entrypoints.http.limits import READ, limits_of
from entrypoints.http.provided import resolver

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[Kind, int] = {
    Kind.MALFORMED: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.STALE: 412,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED_MEDIA: 415,
    Kind.INVALID: 422,
    Kind.PRECONDITION_REQUIRED: 428,
    Kind.RATE_LIMITED: 429,
    Kind.UNAVAILABLE: 503,
    Kind.STORAGE_FULL: 507,
}

HTTP_REFUSALS: Mapping[int, tuple[str, str]] = {
    404: ("not_found", "There is nothing here that you may see."),
    405: ("method_not_allowed", "This resource does not know the method; Allow lists those that it does."),
    406: ("not_acceptable", "This resource cannot be shown in any form that Accept names."),
}
"""Refusals that only HTTP knows: status, then code and detail."""
INTERNAL = ("internal_error", "Something went wrong on this side. The request id leads operators to the cause.")

OAUTH_ERRORS: Mapping[str, str] = {
    "second_factor_required": "invalid_grant",
    **{code: code for code in ("invalid_request", "invalid_client", "invalid_grant", "unsupported_grant_type")},
}
"""Codes that RFC 6749 §5.2 has a word for."""


_refusals = resolver("audit.refusals")
_step_up = resolver("identity.step_up")


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal, ready to be told."""

    status: int
    code: str
    detail: str
    violations: tuple[Violation, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, error: FastOpsError) -> "Problem":
        status = STATUS[error.kind]
        headers: dict[str, str] = {}
        if error.kind is Kind.UNAUTHENTICATED:
            headers["WWW-Authenticate"] = _challenge(error)
        if error.retry_after is not None or status in {429, 503}:
            headers["Retry-After"] = str(max(1, ceil(error.retry_after or 1)))
        if error.kind is Kind.TOO_LARGE:
            headers["Connection"] = "close"
        return cls(status, error.code, error.detail, error.violations, headers, error.members)

    def members(self, root_path: str, exchange: Exchange) -> dict[str, Any]:
        """The members of RFC 9457 with ours: `code`, `request_id`, `errors` where a rule was broken, and those of the
        refusal itself."""
        members: dict[str, Any] = {
            "type": f"{root_path}/problems/{self.code}",
            "title": title_of(self.code),
            "status": self.status,
            "detail": self.detail,
            "instance": f"urn:fastops:request:{exchange.request_id}",
            "code": self.code,
            "request_id": exchange.request_id,
        }
        if self.status == 422:
            members["errors"] = [
                {"pointer": item.pointer, "code": item.code, "detail": item.detail} for item in self.violations
            ]
        if exchange.oauth:
            members["error"] = self._oauth_error()
            members["error_description"] = self.detail
        members.update(self.extra)
        return members

    def response(self, root_path: str, exchange: Exchange) -> Response:
        content = orjson.dumps(self.members(root_path, exchange))
        return Response(content, self.status, headers=dict(self.headers), media_type=MEDIA_TYPE)

    def _oauth_error(self) -> str:
        if self.code in OAUTH_ERRORS:
            return OAUTH_ERRORS[self.code]
        return "temporarily_unavailable" if self.status >= 500 or self.status == 429 else "invalid_request"


def _challenge(error: FastOpsError) -> str:
    """How to sign in, RFC 6750 §3; where the sign-in was too long ago, RFC 9470 §3."""
    if isinstance(error, ReauthenticationRequired):
        return f'Bearer error="insufficient_user_authentication", max_age="{error.max_age}"'
    return 'Bearer error="invalid_token"' if error.code == "invalid_token" else "Bearer"


def title_of(code: str) -> str:
    return code.replace("_", " ").capitalize()


def internal_error(root_path: str, exchange: Exchange) -> Response:
    return Problem(500, *INTERNAL).response(root_path, exchange)


def install(app: FastAPI) -> None:
    """Have every refusal of this app told as a problem."""
    for kind in (FastOpsError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _handled)


async def _handled(request: Request, error: Exception) -> Response:
    response = await refused(request, error)
    assert response is not None
    return response


async def refused(request: Request, error: Exception) -> Response | None:
    """The answer to a request that ended in this error; None for what is no refusal but a defect."""
    if isinstance(error, FastOpsError):
        await _count(request, error)
        if isinstance(error, ReauthenticationRequired):
            error = await _with_ways(request, error)
        return _told(request, Problem.of(error))
    if isinstance(error, RequestValidationError):  # of path parameters alone: an id that is none names nothing
        return _told(request, Problem.of(NotFound()))
    return await _http_refused(request, error) if isinstance(error, HTTPException) else None


async def _count(request: Request, error: FastOpsError) -> None:
    """Have the audit trail tell what was refused to whom."""
    exchange, route = exchange_of(request), request.scope.get("route")
    refusals: Refusals = await _refusals(request)
    refusals.count(error, exchange.actor or anonymous(exchange.origin), route.name if route else "none")


async def _with_ways(request: Request, error: ReauthenticationRequired) -> ReauthenticationRequired:
    """The refusal with the ways on; where they cannot be had it says as much as is known without them."""
    actor, step_up = exchange_of(request).actor, await _step_up(request)
    try:
        return await step_up.told(actor, error) if actor is not None else error
    except FastOpsError:
        return error


async def _http_refused(request: Request, error: HTTPException) -> Response:
    """A path or method that no route has comes to no gate, so it is counted here."""
    exchange = exchange_of(request)
    if error.status_code != 406:
        try:
            await (await limits_of(request)).address(exchange, READ)
        except FastOpsError as refusal:
            return _told(request, Problem.of(refusal))
    code, detail = HTTP_REFUSALS.get(error.status_code, HTTP_REFUSALS[404])
    headers = {"Allow": ", ".join(_allowed(request))} if error.status_code == 405 else {}
    status = error.status_code if error.status_code in HTTP_REFUSALS else 404
    return _told(request, Problem(status, code, detail, headers=headers))


def _told(request: Request, problem: Problem) -> Response:
    return problem.response(root_of(request.scope), exchange_of(request))


def _allowed(request: Request) -> list[str]:
    """The methods of all routes on this path; a single route knows only its own. A fixed path is no parameter."""
    routes = [route for route in request.app.router.routes if isinstance(route, Route)]
    fitting = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    fixed = [route for route in fitting if not route.param_convertors]
    methods = {method for route in fixed or fitting for method in route.methods or ()}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))
