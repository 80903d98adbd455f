"""The one layer around every request: correlation, security headers, the access line, metrics, and the last catch."""

import re
from time import perf_counter

from loguru import logger
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.telemetry.logging import correlated
from domain.shared.values import new_id
from entrypoints.http import metrics
from entrypoints.http.exchange import Exchange, attach
from entrypoints.http.problems import internal_error

_REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")

SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
"""Sent with every answer that does not set the field itself (OWASP ASVS 5.0 V3.4)."""
HSTS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")


class _HeadAnswered(Exception):
    """Raised into a stream that answers HEAD: all that is wanted of it was sent."""


class Exchanges:
    """Pure ASGI, because a `BaseHTTPMiddleware` costs as much as the whole route. `https_only` adds HSTS."""

    def __init__(self, app: ASGIApp, *, https_only: bool = False) -> None:
        self._app = app
        self._headers = (*SECURITY_HEADERS, HSTS) if https_only else SECURITY_HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _begin(scope)
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
            answer = _Answer(send, exchange, self._headers, with_body=False)
        else:
            answer = _Answer(send, exchange, self._headers, with_body=True)
        attach(scope, exchange)
        began = perf_counter()
        metrics.IN_PROGRESS.inc()
        with correlated(exchange.request_id):
            try:
                await self._app(scope, receive, answer)
            except _HeadAnswered:
                pass
            except Exception:
                logger.opt(exception=True).bind(event="request").error("unexpected error")
                if answer.status:
                    raise
                await internal_error(scope.get("root_path", ""), exchange)(scope, receive, answer)
            finally:
                metrics.IN_PROGRESS.dec()
                _report(scope, exchange, answer, perf_counter() - began)


class _Answer:
    """The way back: adds the common headers, and keeps status and size for the access line."""

    __slots__ = ("_headers", "_request_id", "_send", "_with_body", "bytes", "status")

    def __init__(
        self, send: Send, exchange: Exchange, headers: tuple[tuple[bytes, bytes], ...], *, with_body: bool
    ) -> None:
        self._send = send
        self._headers = headers
        self._request_id = exchange.request_id.encode()
        self._with_body = with_body
        self.status = 0
        self.bytes = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            present = {name for name, _ in headers}
            headers += [item for item in self._headers if item[0] not in present]
            headers.append((b"x-request-id", self._request_id))
            message["headers"] = headers
        elif message["type"] == "http.response.body":
            if not self._with_body:
                await self._send({**message, "body": b"", "more_body": False})
                if message.get("more_body", False):
                    raise _HeadAnswered
                return
            self.bytes += len(message.get("body", b""))
        await self._send(message)


def _begin(scope: Scope) -> Exchange:
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        headers[name] = headers[name] + b", " + value if name in headers else value
    given = headers.get(b"x-request-id", b"")
    trace = _TRACEPARENT.fullmatch(headers.get(b"traceparent", b""))
    client = scope.get("client")
    return Exchange(
        request_id=given.decode() if _REQUEST_ID.fullmatch(given) else str(new_id()),
        client_address=client[0] if client else None,
        headers=headers,
        trace_id=trace[1].decode() if trace else None,
    )


def _report(scope: Scope, exchange: Exchange, answer: _Answer, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "unmatched")
    actor = exchange.actor
    metrics.count(scope["method"], route, answer.status, seconds)
    logger.bind(
        event="request",
        method=scope["method"] if scope["method"] in metrics.METHODS else "other",
        route=route,
        status=answer.status,
        ms=round(seconds * 1000, 2),
        client=exchange.client_address,
        actor=f"{actor.type}:{actor.id}" if actor else None,
        bytes=answer.bytes,
        trace=exchange.trace_id,
    ).info("request")
