"""The server on a real socket: nothing ambiguous is taken, nobody keeps it waiting, and refusals arrive."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest
import pytest_asyncio
from starlette.types import ASGIApp, Receive, Scope, Send

from entrypoints.http import server as module
from entrypoints.http.app import create_app
from entrypoints.http.edge import SECURITY_HEADERS
from entrypoints.http.server import server_of
from tests.http.service import memory_settings, quick_container

HOST = b"Host: kb.example.com\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Tells how much it was sent; `/early` answers before it has read anything."""
    if scope["type"] != "http":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": message["type"] + ".complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    size, headers = 0, [(b"content-type", b"text/plain")]
    if scope["path"] == "/early":
        headers.append((b"connection", b"close"))
    else:
        while (message := await receive())["type"] == "http.request":
            size += len(message["body"])
            if not message["more_body"]:
                break
        else:
            return
    content = f"{scope['method']} {scope['path']} {size}".encode()
    headers.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


@dataclass
class Listening:
    port: int

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


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[Listening]:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        server = server_of(app)
        running = asyncio.create_task(server.serve(sockets=[opened]))
        while not (server.started or running.done()):  # noqa: ASYNC110 (uvicorn offers no event)
            await asyncio.sleep(0.01)
        yield Listening(opened.getsockname()[1])
        server.should_exit = True
        await running


@pytest_asyncio.fixture
async def listening() -> AsyncIterator[Listening]:
    async with served(echo) as server:
        yield server


def assert_refused(answer: bytes, status: int, code: str) -> None:
    head, _, content = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), answer[:200]
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    for name, value in SECURITY_HEADERS:
        assert head.count(name + b": " + value + b"\r\n") == 1
    problem = json.loads(content)
    assert (problem["status"], problem["code"]) == (status, code)


AMBIGUOUS = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: a\n\n",
    "one bare line feed": b"GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n",
    "a bare carriage return": b"GET / HTTP/1.1\r\nHost: a\rB: c\r\n\r\n",
    "length and coding": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a list of lengths": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5, 5\r\n\r\nhello",
    "a signed length": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +5\r\n\r\nhello",
    "another coding": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a coding like chunked": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks with line feeds": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
    "a chunk size like code": b"POST / HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\n" + HOST + b"A : b\r\n\r\n",
    "a folded field": b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n",
    "NUL in a field": b"GET / HTTP/1.1\r\n" + HOST + b"A: b\0c\r\n\r\n",
    "raw bytes in the path": b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "another version": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("data", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_what_two_servers_could_read_differently_is_refused(listening: Listening, data: bytes) -> None:
    assert_refused(await listening.say(data), 400, "malformed_request")


async def test_the_ordinary_is_taken(listening: Listening) -> None:
    chunked = b"POST /c HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n"
    assert (await listening.say(chunked)).endswith(b"POST /c 5")
    assert (await listening.say(b"GET / HTTP/1.0\r\n\r\n")).endswith(b"GET / 0")
    upgrade = b"GET /u HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert (await listening.say(upgrade)).endswith(b"GET /u 0")
    two = b"GET /a HTTP/1.1\r\n" + HOST + b"\r\nPOST /b HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\nhi"
    answer = await listening.say(two)
    assert b"GET /a 0" in answer
    assert answer.endswith(b"POST /b 2")


async def test_heads_are_limited(listening: Listening) -> None:
    begin = b"GET / HTTP/1.1\r\n" + HOST
    assert_refused(await listening.say(begin + b"A: b\r\n" * 101 + b"\r\n"), 431, "headers_too_large")
    assert_refused(await listening.say(begin + b"A: " + b"b" * 17_000 + b"\r\n\r\n"), 431, "headers_too_large")
    assert_refused(await listening.say(begin + b"A: " + b"b" * 60_000), 431, "headers_too_large")
    assert_refused(
        await listening.say(b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"), 414, "url_too_long"
    )
    assert (await listening.say(begin + b"A: b\r\n" * 99 + b"\r\n")).endswith(b"GET / 0")
    assert (await listening.say(begin + b"A: " + b"b" * 15_000 + b"\r\n\r\n")).endswith(b"GET / 0")


async def test_a_head_that_trickles_is_cut_off(listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAD_SECONDS", 0.2)
    assert_refused(await listening.say(b"GET / HTTP/1.1\r\nHo"), 408, "request_timeout")
    async with listening.connected() as (reader, _):
        assert await reader.read() == b""


async def test_a_second_head_has_its_own_deadline(listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening.connected() as (reader, writer):
        writer.write(b"GET /a HTTP/1.1\r\n" + HOST + b"\r\n")
        assert (await reader.readuntil(b"GET /a 0")).startswith(b"HTTP/1.1 200")
        monkeypatch.setattr(module, "HEAD_SECONDS", 0.2)
        writer.write(b"GET /b HTTP/1.1\r\n")
        assert_refused(await reader.read(), 408, "request_timeout")


async def test_a_body_that_trickles_is_cut_off(listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_WINDOW_SECONDS", 0.2)
    async with listening.connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\n" + b"a" * 50)
        assert_refused(await reader.read(), 408, "request_timeout")


async def test_a_body_that_flows_is_taken_however_long(listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_WINDOW_SECONDS", 0.2)
    async with listening.connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 600000\r\n\r\n")
        for _ in range(60):
            writer.write(b"a" * 10_000)
            await asyncio.sleep(0.03)
        assert (await reader.readuntil(b"POST / 600000")).startswith(b"HTTP/1.1 200")


async def test_an_answer_arrives_although_the_body_was_never_read(listening: Listening) -> None:
    async with listening.connected() as (reader, writer):
        writer.write(b"POST /early HTTP/1.1\r\n" + HOST + b"Content-Length: 200000000\r\n\r\n")
        sending = asyncio.create_task(_send(writer, 20_000_000))
        assert (await reader.read()).endswith(b"POST /early 0")
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def test_a_client_that_asks_first_is_spared_a_body_in_vain(listening: Listening) -> None:
    begin = b"POST /early HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 200000000\r\n\r\n"
    answer = await listening.say(begin)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"100 Continue" not in answer
    taken = await listening.say(begin.replace(b"/early", b"/").replace(b"200000000", b"2") + b"hi")
    assert taken.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")


async def _send(writer: asyncio.StreamWriter, size: int) -> None:
    for _ in range(size // 65536):
        writer.write(b"a" * 65536)
        await writer.drain()


async def test_the_application_is_served_whole() -> None:
    async with served(create_app(quick_container(memory_settings()))) as listening:
        ready = await listening.say(b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n")
        assert ready.endswith(b'{"status":"alive"}')
        assert b"\r\nserver:" not in ready
        large = b"POST /api/v1/auth/token HTTP/1.1\r\n" + HOST
        large += b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 200000000\r\n\r\n"
        assert_refused(await listening.say(large), 413, "too_large")
        odd = await listening.say(b"GET /api/v1/users/%ff%00?q=%zz HTTP/1.1\r\n" + HOST + b"A: \xff\r\n\r\n")
        assert b"401 Unauthorized" in odd
        absolute = await listening.say(b"GET http://elsewhere/version HTTP/1.1\r\n" + HOST + b"\r\n")
        assert b'"name":"fastops"' in absolute
