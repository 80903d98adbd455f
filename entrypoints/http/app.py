"""The application: routes, error forms and the layer around them, on a container that the caller has built."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from domain.shared.actor import Origin
from entrypoints.http import discovery, health, pages, problems
from entrypoints.http.edge import Edge
from entrypoints.http.exchange import root_of
from entrypoints.http.middleware import Exchanges
from entrypoints.http.openapi import document
from entrypoints.http.representations import json_bytes
from entrypoints.http.security import anyone
from entrypoints.http.turns import Turns
from entrypoints.http.v1.routes import ROUTERS

if TYPE_CHECKING:
    from entrypoints.wiring.container import Container

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

router = APIRouter(include_in_schema=False)


class Service(FastAPI):
    """FastAPI with the complete OpenAPI document of this service."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._encoded: dict[str, bytes] = {}

    def openapi_json(self, root: str) -> bytes:
        """The document as it is sent where the service is mounted at `root`. All answers share these bytes."""
        if root not in self._encoded:
            servers = {"servers": [{"url": root}]} if root else {}
            self._encoded[root] = json_bytes({**self.openapi(), **servers})
        return self._encoded[root]

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = document(self)
        return self.openapi_schema


def create_app(container: "Container", lifespan: Lifespan | None = None) -> FastAPI:
    """The application on this container. Any number of them may live in one process.

    By default the application starts and stops the container's parts; a program that does so itself gives a `lifespan`.
    """
    settings = container.settings()
    app = Service(
        title="FastOps",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=lifespan or _running,
    )
    app.state.container = container
    documentation = (router, pages.browsers) if settings.shows_api_docs else ()
    for part in (*ROUTERS, health.router, discovery.router, pages.router, *documentation):
        # Extended, not included: an included router matches every request twice, and nothing here needs its prefix.
        app.router.routes.extend(part.routes)
    problems.install(app)
    app.add_middleware(Exchanges, edge=Edge.of(settings))
    app.add_middleware(Turns)
    return app


@router.get("/openapi.json")
async def openapi(request: Request, _: Annotated[Origin, anyone()]) -> Response:
    content = request.app.openapi_json(root_of(request.scope))
    return Response(content, media_type="application/json", headers={"Cache-Control": "no-cache"})


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    from entrypoints.wiring.lifecycle import running

    async with running(app.state.container):
        yield
