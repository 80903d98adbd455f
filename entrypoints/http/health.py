"""Health and figures for the machines that look after the service; all outside /api/v1."""

import hmac
from importlib.metadata import version
from typing import Annotated, Any, Final

from fastapi import Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response
from typing_extensions import TypedDict

from domain.shared.actor import Origin
from domain.shared.errors import Unauthenticated, Unavailable
from entrypoints.http.documented import problems
from entrypoints.http.exchange import Exchange, exchange_of
from entrypoints.http.limits import HEALTH, limits_of
from entrypoints.http.metrics import exposition
from entrypoints.http.provided import provided
from entrypoints.http.proxies import TELLING, is_loopback
from entrypoints.http.representations import json_response
from entrypoints.http.routers import Router
from entrypoints.http.security import anyone
from entrypoints.http.v1.schemas.values import shown

router = Router(tags=["Operations"])
Anybody = Annotated[Origin, anyone(load=HEALTH)]
NOT_READY = Unavailable("not_ready", "A needed part is down or the service is stopping; send requests elsewhere.")
METRICS_REFUSED = Unauthenticated(detail="Send the METRICS_TOKEN as Authorization: Bearer, or ask from the loopback.")


class StatusOut(TypedDict):
    status: str


class VersionOut(TypedDict):
    name: str
    version: str
    api: str


ALIVE: Final = {"status": "alive"}
READY: Final = {"status": "ready"}
FIGURES: Final = 'fastops_http_requests_total{method="GET",route="/api/v1/me",status="200"} 12.0\n'
VERSION: Final = {"name": "fastops", "version": "1.2.3", "api": "v1"}


@router.get("/livez", response_model=StatusOut, responses={200: shown(ALIVE)})
async def check_life(_: Anybody) -> Response:
    """Whether the process answers. Restart it when this does not come."""
    return json_response(ALIVE)


@router.get("/readyz", response_model=StatusOut, responses={200: shown(READY), **problems(NOT_READY)})
async def check_readiness(_: Anybody, health: Annotated[Any, provided("operations.health")]) -> Response:
    """Whether requests should be sent here: 503 while a needed part is down, and while the service is stopping."""
    parts: dict[str, str] = await health.ready()
    failing = sorted(f"{part} is {state}" for part, state in parts.items() if state != "up")
    if failing:
        raise Unavailable(NOT_READY.code, f"Not ready: {', '.join(failing)}.")
    return json_response(READY)


@router.get("/version", response_model=VersionOut, responses={200: shown(VERSION)})
async def show_version(_: Anybody) -> Response:
    """Which release answers."""
    return json_response({**VERSION, "version": version("fastops")})


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": FIGURES}}},
        **problems(METRICS_REFUSED),
    },
)
async def show_metrics(
    request: Request, _: Annotated[Origin, anyone("", HEALTH)], settings: Annotated[Any, provided("settings")]
) -> Response:
    """Figures in the text format of Prometheus. In production this needs METRICS_TOKEN or the loopback address."""
    token = settings.observed.metrics_token
    if settings.is_production and not _may_scrape(exchange_of(request), token.get_secret_value() if token else None):
        await (await limits_of(request)).refusal(exchange_of(request))
        raise Unauthenticated(detail=METRICS_REFUSED.detail)
    return Response(exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _may_scrape(exchange: Exchange, token: str | None) -> bool:
    given = (exchange.header(b"authorization") or "").removeprefix("Bearer ")
    if token and hmac.compare_digest(given.encode(), token.encode()):
        return True
    # A proxy on the same machine calls from the loopback too, but for somebody else; trusted or not, it tells so.
    return is_loopback(exchange.client_address) and not TELLING & exchange.headers.keys()
