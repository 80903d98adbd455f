"""Requests answered without FastAPI's solver: what a route depends on is read from its own dependant once.

FastAPI walks the tree of dependencies anew for each request, in layers for what no route here has: bodies of its own,
generators, functions that block. It still makes the OpenAPI document, and answers whatever this module does not
understand. `DIRECT` switches it off. See docs/adr/0027-direct-routes.md.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

from fastapi import Request
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant, _is_coroutine_callable
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette._utils import get_route_path
from starlette.convertors import StringConvertor
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from entrypoints.http.routers import DescribedRoute

DIRECT = True
"""The switch, read when an application begins to answer; `pytest --solver fastapi` turns it."""

Call = Callable[..., Awaitable[Any]]
Refused = Callable[[Request, Exception], Awaitable[Response | None]]


@dataclass(frozen=True, slots=True)
class Step:
    """One dependency: what it is called with, and the argument of the route that takes its value."""

    call: Call
    request_name: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A route as it is carried out: its dependencies in their order, its path parameters, then its endpoint."""

    route: APIRoute
    endpoint: Call
    steps: tuple[Step, ...]
    path_fields: tuple[tuple[str, str, ModelField], ...]
    request_name: str | None

    async def response(self, request: Request) -> Response:
        """Raises what the dependencies and the endpoint raise, and RequestValidationError for path parameters."""
        arguments: dict[str, Any] = {}
        for step in self.steps:
            value = await (step.call() if step.request_name is None else step.call(**{step.request_name: request}))
            if step.name is not None:
                arguments[step.name] = value
        for name, alias, field in self.path_fields:
            arguments[name], errors = field.validate(request.path_params[alias], {}, loc=("path", alias))
            if errors:
                raise RequestValidationError(errors)
        if self.request_name is not None:
            arguments[self.request_name] = request
        response: Response = await self.endpoint(**arguments)
        return response


class DirectRoutes:
    """Pure ASGI. Finds the route of a request and carries out its plan; passes on what has none."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute], refused: Refused) -> None:
        """`refused` makes the answer to an exception, or gives None for one that is a defect."""
        self._app, self._refused = app, refused
        known = _known(routes)
        self._open: dict[tuple[str, int], list[tuple[APIRoute, Plan | None]]] = {}
        fixed: set[tuple[str, str]] = set()
        for route in known:
            plan = plan_of(route)
            for method in route.methods or ():
                self._open.setdefault((method, route.path.count("/")), []).append((route, plan))
                if not route.param_convertors:
                    fixed.add((method, route.path))
        self._fixed = {place: self._first(*place) for place in fixed}
        self._fixed_paths = {path for _, path in fixed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._found(scope) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        plan, parameters = found
        scope["route"], scope["endpoint"] = plan.route, plan.endpoint
        scope["path_params"] = {**scope.get("path_params", {}), **parameters}
        request = Request(scope, receive, send)
        try:
            response = await plan.response(request)
        except Exception as error:
            refusal = await self._refused(request, error)
            if refusal is None:
                raise
            response = refusal
            error.__traceback__ = None  # an instance that is raised again and again would gather them
        await response(scope, receive, send)

    def _found(self, scope: Scope) -> tuple[Plan, Mapping[str, Any]] | None:
        path, method = get_route_path(scope), scope["method"]
        if path in self._fixed_paths:
            return self._fixed.get((method, path))
        return self._first(method, path)

    def _first(self, method: str, path: str) -> tuple[Plan, Mapping[str, Any]] | None:
        """The first route that fits, as Starlette takes it; no parameter holds a slash."""
        for route, plan in self._open.get((method, path.count("/")), ()):
            match = route.path_regex.match(path)
            if match is not None:
                return None if plan is None else (plan, match.groupdict())
        return None


class FixedPaths:
    """Pure ASGI. A path that some route names as a whole is no item of a list, so it knows the methods named for it
    and no others (RFC 9110 §15.5.6)."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        known = [route for route in routes if isinstance(route, Route)]
        open_paths = [route.path_regex for route in known if route.param_convertors]
        self._methods: dict[str, set[str]] = {}
        for route in known:
            if not route.param_convertors and any(path.match(route.path) for path in open_paths):
                self._methods.setdefault(route.path, set()).update(route.methods or ())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods = self._methods.get(get_route_path(scope)) if scope["type"] == "http" else None
        if methods is not None and scope["method"] not in methods:
            raise HTTPException(405)
        await self._app(scope, receive, send)


def plan_of(route: APIRoute) -> Plan | None:
    """How to carry out this route; None where it asks for something that only FastAPI's solver knows."""
    dependant = route.dependant
    steps = [_step(one) for one in dependant.dependencies]
    if route.body_field is not None or not _is_plain(dependant) or not _gives_response(route.endpoint):
        return None
    if any(step is None for step in steps) or len({id(one.call) for one in dependant.dependencies}) < len(steps):
        return None
    return Plan(
        route=route,
        endpoint=route.endpoint,
        steps=tuple(step for step in steps if step is not None),
        path_fields=tuple((field.name, field.alias, field) for field in dependant.path_params),
        request_name=dependant.request_param_name,
    )


def _known(routes: Sequence[BaseRoute]) -> list[APIRoute]:
    """The routes up to the first of another kind, which could answer for any path behind it."""
    known: list[APIRoute] = []
    for route in routes:
        if not isinstance(route, APIRoute) or type(route) not in (APIRoute, DescribedRoute):
            break
        if any(type(convertor) is not StringConvertor for convertor in route.param_convertors.values()):
            break
        known.append(route)
    return known


def _step(dependant: Dependant) -> Step | None:
    if dependant.call is None or dependant.dependencies or dependant.path_params or not _is_plain(dependant):
        return None
    return Step(dependant.call, dependant.request_param_name, dependant.name)


def _is_plain(dependant: Dependant) -> bool:
    """Whether it is awaited, and takes nothing but the request and path parameters."""
    asked = (
        dependant.query_params,
        dependant.header_params,
        dependant.cookie_params,
        dependant.body_params,
        dependant.websocket_param_name,
        dependant.http_connection_param_name,
        dependant.response_param_name,
        dependant.background_tasks_param_name,
        dependant.security_scopes_param_name,
        dependant.concurrency,
    )
    return not any(asked) and _is_coroutine_callable(dependant.call)


def _gives_response(endpoint: Callable[..., Any]) -> bool:
    given = get_type_hints(endpoint).get("return")
    return isinstance(given, type) and issubclass(given, Response)
