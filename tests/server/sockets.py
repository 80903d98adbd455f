"""A server on a real socket inside the test's own loop, and a small application that shows what it was given."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Receive, Scope, Send

from entrypoints.cli.serve import listen
from entrypoints.http.edge import SECURITY_HEADERS
from entrypoints.http.server import Bounds, Server, Stage
from tests.waiting import until

HOST = b"Host: kb.example.com\r\n"
GET = b"GET %b HTTP/1.1\r\n" + HOST + b"\r\n"
LARGE = 20_000_000


@dataclass
class Echo:
    """Tells method, path and size of the content; `/fields` the header fields, `/large` a lot.

    `/early` answers before it has read anything, `/held` and `/stream` (which begins at once) when `let_go` is set.
    """

    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    held: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": message["type"] + ".complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        path = scope["path"]
        size = 0 if path == "/early" else await _size(receive)
        if size is None:
            return
        if path == "/stream":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"begun ", "more_body": True})
        if path in {"/held", "/stream"}:
            self.held += 1
            await self.let_go.wait()
        content = _content(scope, size)
        if path != "/stream":
            headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(content)).encode())]
            headers += [(b"connection", b"close")] if path == "/early" else []
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


async def _size(receive: Receive) -> int | None:
    size = 0
    while (message := await receive())["type"] == "http.request":
        size += len(message["body"])
        if not message["more_body"]:
            return size
    return None


def _content(scope: Scope, size: int) -> bytes:
    if scope["path"] == "/fields":
        return b"\n".join(b"%b=%b" % field for field in scope["headers"])
    if scope["path"] == "/large":
        return b"x" * LARGE
    return f"{scope['method']} {scope['path']} {size}".encode()


@dataclass
class Listening:
    """The server, and ways to talk to it."""

    port: int
    server: Server

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def say(self, data: bytes) -> bytes:
        """Everything that is answered until the server closes, or until the answer is whole and nothing follows."""
        async with self.connected() as (reader, writer):
            writer.write(data)
            answer = b""
            with suppress(TimeoutError):
                while part := await asyncio.wait_for(reader.read(65536), 0.3 if answer else 10):
                    answer += part
            return answer

    async def until_connected(self, count: int) -> None:
        """Wait until the server holds so many connections."""
        await until(lambda: len(self.server.server_state.connections) == count)


@asynccontextmanager
async def served(app: ASGIApp, bounds: Bounds | None = None, port: int = 0) -> AsyncIterator[Listening]:
    with listen("127.0.0.1", port) as opened:
        server = Server(app, bounds or Bounds())
        running = asyncio.create_task(server.serve(sockets=[opened]))
        await until(lambda: server.started or running.done())
        try:
            yield Listening(opened.getsockname()[1], server)
        except BaseException:
            server.stop(Stage.CUT_OFF)
            raise
        finally:
            server.should_exit = True
            await running


def assert_refused(answer: bytes, status: int, code: str) -> None:
    head, _, content = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), answer[:200]
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    for name, value in SECURITY_HEADERS:
        assert head.count(name + b": " + value + b"\r\n") == 1
    problem = json.loads(content)
    assert (problem["status"], problem["code"]) == (status, code)
