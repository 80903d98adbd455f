"""Requests as they come from the parser, read more strictly: what two servers could read differently is refused.

httptools rather than h11: its parser (llhttp) is as strict in its default mode and takes a tenth of the time.
"""

from typing import Final

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from entrypoints.http.early_refusals import (
    HEAD_BYTES,
    HEAD_TOO_LARGE,
    HEADERS_MAX,
    MALFORMED_REQUEST,
    URL_BYTES,
    URL_TOO_LONG,
)
from entrypoints.http.framing import Ambiguous, check_fields, target_of
from entrypoints.http.problems import Problem

PIPELINED_MAX: Final = 32


class Refused(Exception):
    """Raised in a callback of the parser, which then stops."""


class StrictProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits on heads, and with one meaning for each sequence of bytes (RFC 9112 §11.2)."""

    _problem = MALFORMED_REQUEST
    _in_head = _upgrading = False
    _fields = _field_bytes = _empty_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Parse. A request for another protocol is parsed anew as one that does not ask for it (RFC 9110 §7.8).

        Left to itself the parser would take the content of such a request for the next request.
        """
        self._empty_bytes += len(data)
        while data:
            try:
                self.parser.feed_data(data)
            except HttpParserUpgrade as asked:
                data = self._plain_head() + data[asked.args[0] :]
            except HttpParserError:
                self.refuse(self._problem)
                return
            else:
                break
        if self._empty_bytes > HEAD_BYTES:
            self.refuse(HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= PIPELINED_MAX:
            self._stop(MALFORMED_REQUEST)
        super().on_message_begin()
        self._in_head, self._fields, self._field_bytes = True, 0, 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > URL_BYTES:
            self._stop(URL_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        self._field_bytes += len(name) + len(value)
        if self._field_bytes > HEAD_BYTES or self._fields > HEADERS_MAX:
            self._stop(HEAD_TOO_LARGE)
        if self._in_head:  # what follows the content is no part of the head (RFC 9110 §6.5.1)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        version = self.parser.get_http_version()
        try:
            check_fields(version, self.headers)
            self.url, host = target_of(self.parser.get_method().decode("ascii"), self.url)
        except Ambiguous:
            self._stop(MALFORMED_REQUEST)
        if host is not None:
            self.headers[:] = [(name, host if name == b"host" else value) for name, value in self.headers]
        self._in_head, self._upgrading = False, self.parser.should_upgrade()
        if self._upgrading:
            return
        self._empty_bytes = 0
        super().on_headers_complete()
        if version == "1.0":
            self.cycle.chunked_encoding = False  # RFC 9112 §6.1: the end of the connection is the end of the content

    def on_body(self, body: bytes) -> None:
        self._empty_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._upgrading:
            super().on_message_complete()

    def refuse(self, problem: Problem) -> None:
        """Tell the problem in place of the answer to what is arriving, and end the connection."""
        raise NotImplementedError

    def _plain_head(self) -> bytes:
        fields = [b"%b: %b\r\n" % (name, value) for name, value in self.headers if name != b"upgrade"]
        version = self.parser.get_http_version().encode()
        return b"%b %b HTTP/%b\r\n%b\r\n" % (self.parser.get_method(), self.url, version, b"".join(fields))

    def _stop(self, problem: Problem) -> None:
        self._problem = problem
        raise Refused
