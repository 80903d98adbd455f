"""A client of HTTP/1.1 that is near the wire: one connection, one request at a time, and every loss is told.

Quick enough to load a service with, and without the retries with which usual clients hide what a server drops.
"""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.noted_codes import note

HEAD_MAX = 64 * 1024


class Dropped(Exception):
    """The connection ended before the answer was whole."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer; names of fields are in small letters."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_last(self) -> bool:
        """Whether the server will answer nothing more on this connection."""
        return self.fields.get("connection", "").lower() == "close"


class Wire:
    """A connection that is opened with the first request, and again after a last answer."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def is_open(self) -> bool:
        """Whether a request can be sent without connecting, as far as is known here."""
        return self._streams is not None and not self._streams[0].at_eof()

    async def open(self) -> None:
        """Connect, where that has not been done yet. Raises OSError."""
        if not self.is_open:
            await self.close()
            self._streams = await asyncio.open_connection(self._host, self._port, limit=HEAD_MAX)

    async def request(
        self, method: str, path: str, fields: dict[str, str] | None = None, body: bytes | None = None
    ) -> Reply:
        """Send and wait. Raises Dropped for a lost answer, and OSError where no connection was to be had."""
        given = {"host": f"{self._host}:{self._port}", **(fields or {})}
        if body is not None:
            given["content-length"] = str(len(body))
        head = "".join([f"{method} {path} HTTP/1.1\r\n", *(f"{name}: {text}\r\n" for name, text in given.items())])
        await self.open()
        reply = await self.exchange(head.encode() + b"\r\n" + (body or b""), without_body=method == "HEAD")
        if reply.is_last:
            await self.close()
        return reply

    async def exchange(self, request: bytes, *, without_body: bool = False) -> Reply:
        """Send these bytes on the open connection and wait for one answer. Raises Dropped."""
        assert self._streams is not None
        reader, writer = self._streams
        try:
            writer.write(request)
            await writer.drain()
            reply = await _reply(reader, without_body)
            note(reply.body)
            return reply
        except (OSError, asyncio.IncompleteReadError) as error:
            await self.close()
            raise Dropped(repr(error)) from error

    async def close(self) -> None:
        if self._streams is not None:
            writer, self._streams = self._streams[1], None
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _reply(reader: asyncio.StreamReader, without_body: bool) -> Reply:
    status, fields = 100, {}
    while status == 100:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
        status = int(first.split(" ", 2)[1])
        fields = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
    if without_body or status in {204, 304}:
        return Reply(status, fields, b"")
    return Reply(status, fields, await _body(reader, fields))


async def _body(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes:
    if "content-length" in fields:
        return await reader.readexactly(int(fields["content-length"]))
    if fields.get("transfer-encoding", "").lower() != "chunked":
        return await reader.read()
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return b"".join(parts)
