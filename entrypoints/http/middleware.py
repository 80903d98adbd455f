"""The one layer around every request: correlation, the edge, the access line, metrics, and the last catch."""

import re
from collections.abc import Iterable
from time import perf_counter

from loguru import logger
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.telemetry.logging import log_request, request_id
from domain.shared.values import new_id
from entrypoints.http import metrics
from entrypoints.http.edge import SECURITY_HEADERS, Edge
from entrypoints.http.exchange import Exchange, attach, root_of
from entrypoints.http.problems import internal_error

_REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


class _HeadAnswered(Exception):
    """Raised into a stream that answers HEAD: all that is wanted of it was sent."""


class Exchanges:
    """Pure ASGI, because a `BaseHTTPMiddleware` costs as much as the whole route."""

    def __init__(self, app: ASGIApp, edge: Edge) -> None:
        self._app = app
        self._edge = edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = _joined(scope["headers"])
        sender = self._edge.proxies.sender(scope, headers)
        exchange = _begin(headers, sender.address)
        exchange.fields += self._edge.fields(exchange, sender)
        answer = _Answer(send, exchange, with_body=scope["method"] != "HEAD")
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        attach(scope, exchange)
        began = perf_counter()
        metrics.IN_PROGRESS.inc()
        correlation = request_id.set(exchange.request_id)
        try:
            app = self._edge.answer(scope, exchange, sender) or self._app
            await app(scope, receive, answer)
        except _HeadAnswered:
            pass
        except Exception:
            logger.opt(exception=True).bind(event="request").error("unexpected error")
            if answer.status:
                raise
            await internal_error(root_of(scope), exchange)(scope, receive, answer)
        finally:
            metrics.IN_PROGRESS.dec()
            _report(scope, exchange, answer, perf_counter() - began)
            request_id.reset(correlation)


class _Answer:
    """The way back: adds the common headers, and keeps status and size for the access line."""

    __slots__ = ("_exchange", "_send", "_with_body", "bytes", "status")

    def __init__(self, send: Send, exchange: Exchange, *, with_body: bool) -> None:
        self._send = send
        self._exchange = exchange
        self._with_body = with_body
        self.status = 0
        self.bytes = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            present = {name for name, _ in headers}
            headers += [item for item in SECURITY_HEADERS if item[0] not in present]
            headers += self._exchange.fields
            headers.append((b"x-request-id", self._exchange.request_id.encode()))
            message["headers"] = headers
        elif message["type"] == "http.response.body":
            if not self._with_body:
                await self._send({**message, "body": b"", "more_body": False})
                if message.get("more_body", False):
                    raise _HeadAnswered
                return
            self.bytes += len(message.get("body", b""))
        await self._send(message)


def _joined(fields: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for name, value in fields:
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def _begin(headers: dict[bytes, bytes], client_address: str | None) -> Exchange:
    given = headers.get(b"x-request-id", b"")
    trace = _TRACEPARENT.fullmatch(headers.get(b"traceparent", b""))
    return Exchange(
        request_id=given.decode() if _REQUEST_ID.fullmatch(given) else str(new_id()),
        client_address=client_address,
        headers=headers,
        trace_id=trace[1].decode() if trace else None,
    )


def _report(scope: Scope, exchange: Exchange, answer: _Answer, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "unmatched")
    actor = exchange.actor
    metrics.count(scope["method"], route, answer.status, seconds)
    fields = {
        "event": "request",
        "method": scope["method"] if scope["method"] in metrics.METHODS else "other",
        "route": route,
        "status": answer.status,
        "ms": round(seconds * 1000, 2),
        "client": exchange.client_address,
        "actor": f"{actor.type}:{actor.id}" if actor else None,
        "bytes": answer.bytes,
        "trace": exchange.trace_id,
    }
    log_request(fields)
