"""The application: routes, error forms and the layer around them, on a container that the caller has built."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Request
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.shared.actor import Origin
from entrypoints.http import direct, discovery, health, pages, problems
from entrypoints.http.console import account
from entrypoints.http.edge import Edge
from entrypoints.http.exchange import root_of
from entrypoints.http.middleware import Exchanges
from entrypoints.http.openapi import document
from entrypoints.http.representations import json_bytes
from entrypoints.http.routers import Router
from entrypoints.http.security import anyone
from entrypoints.http.turns import Turns
from entrypoints.http.v1.routes import ROUTERS

if TYPE_CHECKING:
    from entrypoints.wiring.container import Container

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

router = Router(in_document=False)


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

    def build_middleware_stack(self) -> ASGIApp:
        """The layers around a request. What FastAPI's own for telemetry, crashes and bodies do, ours do already."""
        app: ASGIApp = AsyncExitStackMiddleware(direct.FixedPaths(self.router, self.router.routes))
        app = ExceptionMiddleware(app, self.exception_handlers)
        if direct.DIRECT:
            app = direct.DirectRoutes(app, self.router.routes, problems.refused)
        for layer, args, options in reversed(self.user_middleware):
            app = layer(app, *args, **options)
        return app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        scope["app"] = self
        await self.middleware_stack(scope, receive, send)

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
    for part in (*ROUTERS, health.router, discovery.router, pages.router, account.router, *documentation):
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
