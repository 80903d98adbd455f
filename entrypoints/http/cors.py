"""Calls from web pages of other origins (WHATWG Fetch §3.2): which are let through, and what their scripts may read.

`Cross-Origin-Resource-Policy: same-origin` stays on all answers: it concerns requests in the mode `no-cors` alone, such
as those of an `<img>`, and never one that was made with CORS. Credentials of the browser are never allowed, because
nothing here uses any: a page sends its token itself.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from starlette.responses import Response

from entrypoints.settings.edge import ANY_ORIGIN

Fields = tuple[tuple[bytes, bytes], ...]

METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
TAKEN: Final = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-API-Key, X-Request-ID, "
    "traceparent"
)
SHOWN: Final = (
    "Content-Disposition, Deprecation, ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, "
    "Retry-After, Sunset, WWW-Authenticate, X-Request-ID"
)
PREFLIGHT_SECONDS: Final = 600
_VARY: Final = (b"vary", b"Origin")


class CrossOrigin:
    """The origins whose pages may call. Without any, no answer has a field of CORS."""

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)
        self._any = ANY_ORIGIN.encode() in self._origins

    def fields(self, headers: Mapping[bytes, bytes]) -> Fields:
        """What an answer to this request says, refusals included; caches must tell origins apart."""
        if not self._origins:
            return ()
        allowed = self._allowed(headers)
        if allowed is None:
            return () if self._any else (_VARY,)
        told = (b"access-control-allow-origin", allowed), (b"access-control-expose-headers", SHOWN.encode())
        return told if self._any else (*told, _VARY)

    def preflight(self, method: str, headers: Mapping[bytes, bytes]) -> Response | None:
        """The answer to a browser that asks before it calls; None where this is no such question or none to answer."""
        if method != "OPTIONS" or b"access-control-request-method" not in headers or not self._allowed(headers):
            return None
        return Response(
            status_code=204,
            headers={
                "Access-Control-Allow-Methods": METHODS,
                "Access-Control-Allow-Headers": TAKEN,
                "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
            },
        )

    def _allowed(self, headers: Mapping[bytes, bytes]) -> bytes | None:
        origin = headers.get(b"origin")
        if origin is None or not (self._any or origin in self._origins):
            return None
        return b"*" if self._any else origin
