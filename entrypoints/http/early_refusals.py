"""Refusals that the server tells before the application has a request to answer, or when it can no longer answer."""

from collections.abc import Iterable
from typing import Final

import orjson

from entrypoints.http.edge import SECURITY_HEADERS
from entrypoints.http.exchange import Exchange
from entrypoints.http.problems import MEDIA_TYPE, Problem

HEAD_BYTES: Final = 16 * 1024
HEADERS_MAX: Final = 100
URL_BYTES: Final = 8 * 1024

MALFORMED_REQUEST: Final = Problem(400, "malformed_request", "This is no HTTP/1.1 request that can be told safely.")
TIMED_OUT: Final = Problem(408, "request_timeout", "The request took too long to arrive.")
URL_TOO_LONG: Final = Problem(414, "url_too_long", f"Use an address of at most {URL_BYTES} bytes.")
HEAD_TOO_LARGE: Final = Problem(
    431, "headers_too_large", f"Send at most {HEADERS_MAX} header fields with at most {HEAD_BYTES} bytes."
)
TOO_MANY_CONNECTIONS: Final = Problem(
    503, "too_many_connections", "Too many connections are open; try again in a moment.", headers={"Retry-After": "1"}
)
SHUTTING_DOWN: Final = Problem(
    503, "shutting_down", "The service is stopping; try again in a moment.", headers={"Retry-After": "1"}
)
EARLY_REFUSALS: Final = (
    MALFORMED_REQUEST,
    TIMED_OUT,
    URL_TOO_LONG,
    HEAD_TOO_LARGE,
    TOO_MANY_CONNECTIONS,
    SHUTTING_DOWN,
)
REASONS: Final = {
    400: "Bad Request",
    408: "Request Timeout",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


def answer(problem: Problem, root_path: str, request_id: str, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The whole answer as bytes, in the form that the application's problems have; it ends the connection."""
    exchange = Exchange(request_id=request_id, client_address=None, headers={})
    content = orjson.dumps(problem.members(root_path, exchange))
    own = {
        "content-type": MEDIA_TYPE,
        "content-length": str(len(content)),
        "connection": "close",
        "x-request-id": request_id,
        **{name.lower(): value for name, value in problem.headers.items()},
    }
    lines = [f"HTTP/1.1 {problem.status} {REASONS[problem.status]}".encode()]
    lines += [b"%b: %b" % field for field in (*fields, *SECURITY_HEADERS)]
    lines += [f"{name}: {value}".encode() for name, value in own.items()]
    return b"\r\n".join([*lines, b"", content])
