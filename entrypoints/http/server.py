"""The server under the application: uvicorn on httptools, with the deadlines and limits that it lacks.

httptools rather than h11: its parser (llhttp) is as strict in its default mode and takes a tenth of the time.
"""

from typing import Any, Final, cast

import orjson
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from domain.shared.values import new_id
from entrypoints.http.edge import SECURITY_HEADERS
from entrypoints.http.exchange import Exchange
from entrypoints.http.problems import MEDIA_TYPE, Problem

HEAD_SECONDS: Final = 10.0
HEAD_BYTES: Final = 16 * 1024
HEADERS_MAX: Final = 100
URL_BYTES: Final = 8 * 1024
BODY_BYTES_PER_SECOND: Final = 500
BODY_WINDOW_SECONDS: Final = 10.0
LINGER_SECONDS: Final = 2.0
KEEP_ALIVE_SECONDS: Final = 60
STOP_SECONDS: Final = 20

MALFORMED_REQUEST: Final = Problem(400, "malformed_request", "This is no HTTP/1.1 request that can be told safely.")
TIMED_OUT: Final = Problem(408, "request_timeout", "The request took too long to arrive.")
URL_TOO_LONG: Final = Problem(414, "url_too_long", f"Use an address of at most {URL_BYTES} bytes.")
HEAD_TOO_LARGE: Final = Problem(
    431, "headers_too_large", f"Send at most {HEADERS_MAX} header fields with at most {HEAD_BYTES} bytes."
)
_SAFE: Final = "".join(f"{name.decode()}: {value.decode()}\r\n" for name, value in SECURITY_HEADERS)
REASONS: Final = {400: "Bad Request", 408: "Request Timeout", 414: "URI Too Long", 431: "Header Fields Too Large"}


class Refused(Exception):
    """Raised in a callback of the parser, which then stops."""


class GuardedProtocol(HttpToolsProtocol):
    """Refuses what two servers could read differently (RFC 9112 §11.2), and callers who keep a connection waiting.

    The sweep of the server looks at `overdue` once a second, so that a request costs no timer.
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(_Lingering(transport, self))  # type: ignore[arg-type]
        self._refusal = MALFORMED_REQUEST
        self._head_since: float | None = self.loop.time()
        self._head_bytes = 0
        self._body_since: float | None = None
        self._body_bytes = 0

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._head_since is None and self._body_since is None:
            self._head_since = self.loop.time()
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_since is not None and self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self._refuse(HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._fields_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > URL_BYTES:
            self._stop(URL_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._fields_bytes += len(name) + len(value)
        if self._fields_bytes > HEAD_BYTES or len(self.headers) > HEADERS_MAX:
            self._stop(HEAD_TOO_LARGE)

    def on_headers_complete(self) -> None:
        self._check_head()
        self._head_since, self._head_bytes = None, 0
        self._body_since, self._body_bytes = self.loop.time(), 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._body_since = None
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (the signature is uvicorn's)
        self._refuse(self._refusal)

    def overdue(self, now: float) -> bool:
        """Whether the head has been on its way for too long, or the body comes too slowly while somebody waits."""
        if self._head_since is not None:
            return now - self._head_since > HEAD_SECONDS
        if self._body_since is None or now - self._body_since < BODY_WINDOW_SECONDS:
            return False
        too_slow = self._body_bytes < BODY_BYTES_PER_SECOND * BODY_WINDOW_SECONDS
        self._body_since, self._body_bytes = now, 0
        return too_slow and not self.flow.read_paused

    def drop(self) -> None:
        """End an overdue connection; one that has sent nothing at all is told nothing."""
        if self._head_since is not None and not self._head_bytes:
            self.transport.abort()
        else:
            self._refuse(TIMED_OUT)

    def _unsupported_upgrade_warning(self) -> None:
        """A client may ask for another protocol and gets this one (RFC 9110 §7.8); nobody needs to hear of it."""

    def _check_head(self) -> None:
        counts: dict[bytes, int] = {}
        for name, _ in self.headers:
            counts[name] = counts.get(name, 0) + 1
        hosts, lengths = counts.get(b"host", 0), counts.get(b"content-length", 0)
        codings = counts.get(b"transfer-encoding", 0)
        version = self.parser.get_http_version()
        needed = 1 if version == "1.1" else 0
        if not needed <= hosts <= 1 or lengths + codings > 1 or version not in {"1.0", "1.1"}:
            self._stop(MALFORMED_REQUEST)
        if codings and (needed == 0 or dict(self.headers)[b"transfer-encoding"].lower() != b"chunked"):
            self._stop(MALFORMED_REQUEST)

    def _stop(self, problem: Problem) -> None:
        self._refusal = problem
        raise Refused

    def _refuse(self, problem: Problem) -> None:
        """Tell the problem in the form that the application has, and end the connection.

        The application takes a request that it is still reading for a lost connection. Where an answer is on its way,
        nothing can be told any more.
        """
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started or self.pipeline:
                self.transport.abort()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        exchange = Exchange(request_id=str(new_id()), client_address=None, headers={})
        content = orjson.dumps(problem.members(self.root_path, exchange))
        head = (
            f"HTTP/1.1 {problem.status} {REASONS[problem.status]}\r\n"
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(content)}\r\nconnection: close\r\n"
            f"{_SAFE}x-request-id: {exchange.request_id}\r\n\r\n"
        )
        self._head_since = self._body_since = None
        self.transport.write(head.encode() + content)
        cast(_Lingering, self.transport).linger()


class _Lingering:
    """A transport that closes gently: a client that is still sending gets to read the answer (RFC 9112 §9.6)."""

    def __init__(self, transport: Any, protocol: GuardedProtocol) -> None:
        self._transport, self._protocol = transport, protocol
        self._closing = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._closing or bool(self._transport.is_closing())

    def close(self) -> None:
        cycle = self._protocol.cycle
        if cycle is not None and cycle.more_body and not self.is_closing():
            self.linger()
        else:
            self._transport.close()

    def linger(self) -> None:
        """Say that nothing more comes, and read on into nothing for a moment."""
        self._closing = True
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._protocol.flow.resume_reading()
        self._protocol.loop.call_later(LINGER_SECONDS, self._transport.abort)


class Server(uvicorn.Server):
    """uvicorn with the sweep over its connections."""

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:
            self._sweep()
        return await super().on_tick(counter)

    def _sweep(self) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, GuardedProtocol) and connection.overdue(connection.loop.time()):
                connection.drop()


def server_of(app: ASGIApp) -> Server:
    """The server of this application; its own log lines go through the standard module."""
    config = uvicorn.Config(
        app,
        http=GuardedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    return Server(config)
