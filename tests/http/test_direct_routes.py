"""Routes that are answered directly answer as FastAPI's own solver does, and what it alone knows is left to it."""

import re
from collections.abc import AsyncIterator
from typing import Annotated

import httpx2
import pytest
import pytest_asyncio
from fastapi import APIRouter, Depends, Header
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from domain.shared.values import new_id
from entrypoints.http import direct
from entrypoints.http.app import create_app
from entrypoints.http.direct import DirectRoutes, plan_of
from entrypoints.http.representations import json_bytes
from tests.http.service import BASE, Service, a_service, memory_settings

LEFT_TO_FASTAPI = {"/api/v1/collections/{collection_id}/documents"}
CHANGING = re.compile(
    r'"[^"]*(?:request|date|time|_at|ratelimit|seconds)[^"]*":\s*("[^"]*"|[\d.]+)|urn:fastops:request:[^"]*'
)
METHODS = {"HEAD", "DELETE", "OPTIONS"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[Service]:
    async with a_service(memory_settings(rate_limits="off")) as service:
        yield service


def routes_of(service: Service) -> list[APIRoute]:
    return [route for route in service.app.router.routes if isinstance(route, APIRoute)]


@pytest.mark.asyncio(loop_scope="module")
async def test_every_route_but_those_that_are_named_is_answered_directly(served: Service) -> None:
    assert {route.path for route in routes_of(served) if plan_of(route) is None} == LEFT_TO_FASTAPI


@pytest.mark.asyncio(loop_scope="module")
async def test_both_ways_give_the_same_answers_and_the_same_document(
    served: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for directly in (True, False):
        admin = await served.person("admin")
        monkeypatch.setattr(direct, "DIRECT", directly)
        app = create_app(served.container)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
            answers = {}
            for route in routes_of(served):
                if "metrics" in route.path or "events" in route.path:
                    continue  # figures change, and streams of events do not end
                for path in (route.path_format.format_map(_Ids()), f"{route.path}/"):
                    for method in sorted((route.methods or set()) | METHODS):
                        for kind, headers in enumerate(({}, admin.headers, admin.headers | {"Accept": "image/png"})):
                            answer = await client.request(method, path, headers=headers)
                            answers[method, path, kind] = _shown(answer)
            told.append((answers, json_bytes(app.openapi())))
    (here, document), (there, its_document) = told
    assert document == its_document
    for request, answer in here.items():
        assert (request, answer) == (request, there[request])


class _Ids(dict[str, str]):
    """An id that nothing has, for every parameter."""

    _id = str(new_id())

    def __missing__(self, name: str) -> str:
        return self._id


def _shown(answer: httpx2.Response) -> tuple[int, list[tuple[str, str]], str]:
    """The answer without what is new each time: of what was read or made, the content."""
    is_refusal = answer.status_code >= 400
    new = {"x-request-id", "date", "location"} | (set() if is_refusal else {"content-length", "etag"})
    fields = [(name, value) for name, value in answer.headers.items() if name not in new]
    return answer.status_code, sorted(fields), CHANGING.sub("", answer.text) if is_refusal else ""


async def blocked() -> Response:
    return Response("the first that fits")


async def named(name: str) -> Response:
    return Response(name)


async def test_a_path_goes_to_the_first_route_that_fits_it() -> None:
    router = APIRouter()
    router.get("/{name}")(named)
    router.get("/fixed")(blocked)
    assert await answer_of(router, "/fixed") == b"fixed"
    router = APIRouter()
    router.get("/fixed")(blocked)
    router.get("/{name}")(named)
    assert await answer_of(router, "/fixed") == b"the first that fits"
    assert await answer_of(router, "/other") == b"other"
    assert await answer_of(router, "/other/") == b"left to FastAPI"
    assert await answer_of(router, "/fixed", "POST") == b"left to FastAPI"


async def with_header(x: Annotated[str, Header()]) -> Response:
    return Response(x)


def at_once() -> int:
    return 1


async def behind_a_function_that_blocks(_: Annotated[int, Depends(at_once)]) -> Response:
    return Response()


async def as_a_value(_: Request) -> dict[str, str]:
    return {}


async def in_two_steps() -> AsyncIterator[int]:
    yield 1


async def behind_a_generator(_: Annotated[int, Depends(in_two_steps)]) -> Response:
    return Response()


@pytest.mark.parametrize("endpoint", [with_header, behind_a_function_that_blocks, as_a_value, behind_a_generator])
def test_what_only_fastapi_knows_has_no_plan(endpoint: object) -> None:
    router = APIRouter()
    router.get("/", response_model=None)(endpoint)  # type: ignore[type-var]
    (route,) = router.routes
    assert isinstance(route, APIRoute)
    assert plan_of(route) is None


async def answer_of(router: APIRouter, path: str, method: str = "GET") -> bytes:
    async def fastapi(_scope: object, _receive: object, send: object) -> None:
        await Response("left to FastAPI")({"type": "http"}, _receive, send)  # type: ignore[arg-type]

    async def refused(_request: Request, _error: Exception) -> None:
        return None

    transport = httpx2.ASGITransport(DirectRoutes(fastapi, router.routes, refused))  # type: ignore[arg-type]
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        return (await client.request(method, path)).content
