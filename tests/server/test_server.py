"""The server on a real socket: nobody keeps it waiting or fills it up, and refusals arrive."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest
import pytest_asyncio
from starlette.types import Message, Receive, Scope, Send

from entrypoints.http import arrival, server, transport
from entrypoints.http.app import create_app
from entrypoints.http.connection import UNWANTED_BYTES, WORTHWHILE_BYTES
from entrypoints.http.server import Bounds
from tests.http.service import memory_settings, quick_container
from tests.server.sockets import GET, HOST, Echo, Listening, assert_refused, served
from tests.waiting import until

POST = b"POST / HTTP/1.1\r\n" + HOST


@pytest_asyncio.fixture
async def listening(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Listening]:
    """Looks at its connections at every tick, so that short deadlines are kept."""
    monkeypatch.setattr(server, "LOOK_EVERY", 1)
    async with served(Echo()) as opened:
        yield opened


class TestArrival:
    async def test_a_head_that_trickles_is_cut_off(self, listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(arrival, "HEAD_SECONDS", 0.2)
        assert_refused(await listening.say(b"GET / HTTP/1.1\r\nHo"), 408, "request_timeout")
        assert_refused(await listening.say(b"\r\n"), 408, "request_timeout")
        async with listening.connected() as (reader, _):
            assert await reader.read() == b""

    async def test_a_second_head_has_its_own_deadline(
        self, listening: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with listening.connected() as (reader, writer):
            writer.write(GET % b"/a")
            assert (await reader.readuntil(b"GET /a 0")).startswith(b"HTTP/1.1 200")
            monkeypatch.setattr(arrival, "HEAD_SECONDS", 0.2)
            writer.write(b"GET /b HTTP/1.1\r\n")
            assert_refused(await reader.read(), 408, "request_timeout")

    async def test_a_head_that_began_with_the_request_before_has_one_too(
        self, listening: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arrival, "HEAD_SECONDS", 0.2)
        async with listening.connected() as (reader, writer):
            writer.write(GET % b"/a" + b"GET /b HTTP/1.1\r\n")
            answer = await reader.read()
            first, second = answer[: answer.index(b"HTTP/1.1 408")], answer[answer.index(b"HTTP/1.1 408") :]
            assert first.endswith(b"GET /a 0")
            assert_refused(second, 408, "request_timeout")

    async def test_a_slow_head_does_not_take_the_answer_to_the_request_before(
        self, listening: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arrival, "HEAD_SECONDS", 0.2)
        async with listening.connected() as (reader, writer):
            writer.write(GET % b"/held" + b"GET /b HTTP/1.1\r\n")
            await asyncio.sleep(0.6)
            listening.server.config.loaded_app.let_go.set()
            answer = await reader.read()
            assert answer.count(b"HTTP/1.1 ") == 1
            assert answer.endswith(b"GET /held 0")

    async def test_an_idle_connection_ends_without_a_word(
        self, listening: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arrival, "KEEP_ALIVE_SECONDS", 0.2)
        async with listening.connected() as (reader, writer):
            writer.write(POST + b"Content-Length: 2\r\n\r\nhi")
            assert (await reader.read()).endswith(b"POST / 2")

    async def test_a_content_that_trickles_is_cut_off(
        self, listening: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arrival, "CONTENT_WINDOW_SECONDS", 0.2)
        async with listening.connected() as (reader, writer):
            writer.write(POST + b"Content-Length: 1000000\r\n\r\n" + b"a" * 50)
            assert_refused(await reader.read(), 408, "request_timeout")

    async def test_a_content_that_flows_is_taken_however_long(
        self, listening: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(arrival, "CONTENT_WINDOW_SECONDS", 0.2)
        async with listening.connected() as (reader, writer):
            writer.write(POST + b"Content-Length: 600000\r\n\r\n")
            for _ in range(60):
                writer.write(b"a" * 10_000)
                await asyncio.sleep(0.03)
            assert (await reader.readuntil(b"POST / 600000")).startswith(b"HTTP/1.1 200")


class TestAnswers:
    async def test_an_answer_arrives_although_the_content_was_never_read(self, listening: Listening) -> None:
        async with listening.connected() as (reader, writer):
            writer.write(b"POST /early HTTP/1.1\r\n" + HOST + b"Content-Length: 200000000\r\n\r\n")
            sending = asyncio.create_task(_send(writer, 20_000_000))
            assert (await reader.read()).endswith(b"POST /early 0")
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def test_a_client_that_asks_first_is_spared_a_content_in_vain(self, listening: Listening) -> None:
        begin = b"POST /early HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 200000000\r\n\r\n"
        answer = await listening.say(begin)
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"100 Continue" not in answer
        taken = await listening.say(begin.replace(b"/early", b"/").replace(b"200000000", b"2") + b"hi")
        assert taken.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")

    async def test_a_client_that_takes_nothing_of_its_answer_is_cut_off(
        self, listening: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transport, "WRITE_SECONDS", 0.3)
        for request in (GET % b"/large", b"GET /large HTTP/1.0\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", listening.port)) as client:
                client.sendall(request)
                await listening.until_connected(1)
                await listening.until_connected(0)

    async def test_those_who_hold_most_go_first_when_all_together_hold_too_much(
        self, listening: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server, "UNSENT_BYTES_MAX", 60_000_000)
        async with listening.connected() as (reader, writer):
            writer.write(GET % b"/held")
            with ExitStack() as stack:
                clients = [
                    stack.enter_context(socket.create_connection(("127.0.0.1", listening.port))) for _ in range(5)
                ]
                for client in clients:
                    client.sendall(GET % b"/large")
                await until(lambda: any(each.unsent for each in listening.server._connections()))
                await until(lambda: len(listening.server.server_state.connections) < 6)
                assert sum(each.unsent for each in listening.server._connections()) <= server.UNSENT_BYTES_MAX
            listening.server.config.loaded_app.let_go.set()
            assert (await reader.readuntil(b"GET /held 0")).startswith(b"HTTP/1.1 200")

    async def test_a_client_that_takes_its_time_gets_all_of_it(
        self, listening: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transport, "WRITE_SECONDS", 0.3)
        got = 0
        async with listening.connected() as (reader, writer):
            writer.write(b"GET /large HTTP/1.0\r\n\r\n")
            while part := await reader.read(1_000_000):
                got += len(part)
                await asyncio.sleep(0.01)
        assert got > 20_000_000


class TestBounds:
    async def test_a_new_connection_takes_the_place_of_the_one_that_has_waited_longest(self) -> None:
        async with served(Echo(), Bounds(connections=20)) as listening:
            async with listening.connected() as (oldest, first), listening.connected() as (reader, writer):
                first.write(GET % b"/a")
                await oldest.readuntil(b"GET /a 0")
                idle = [await asyncio.open_connection("127.0.0.1", listening.port) for _ in range(30)]
                assert await oldest.read() == b""
                assert await reader.read() == b""
                assert (await listening.say(GET % b"/b")).endswith(b"GET /b 0")
                assert len(listening.server.server_state.connections) <= 20
            for _, writer in idle:
                writer.close()

    async def test_where_all_are_busy_the_next_one_is_told_to_come_again(self) -> None:
        echo = Echo()
        async with served(echo, Bounds(connections=3)) as listening:
            busy = [asyncio.create_task(listening.say(GET % b"/held")) for _ in range(3)]
            await until(lambda: echo.held == 3)
            refused = await listening.say(b"")
            assert_refused(refused, 503, "too_many_connections")
            assert b"retry-after: 1\r\n" in refused
            echo.let_go.set()
            assert all(answer.endswith(b"GET /held 0") for answer in await asyncio.gather(*busy))
            await listening.until_connected(0)
            assert (await listening.say(GET % b"/b")).endswith(b"GET /b 0")


async def _send(writer: asyncio.StreamWriter, size: int) -> None:
    for _ in range(size // 65536):
        writer.write(b"a" * 65536)
        await writer.drain()


async def test_the_application_is_served_whole() -> None:
    async with served(create_app(quick_container(memory_settings()))) as listening:
        ready = await listening.say(GET % b"/livez")
        assert ready.endswith(b'{"status":"alive"}')
        assert b"\r\nserver:" not in ready
        large = b"POST /api/v1/auth/token HTTP/1.1\r\n" + HOST
        large += b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 200000000\r\n\r\n"
        assert_refused(await listening.say(large), 413, "too_large")
        odd = await listening.say(b"GET /api/v1/users/%ff%00?q=%zz HTTP/1.1\r\n" + HOST + b"A: \xff\r\n\r\n")
        assert b"401 Unauthorized" in odd
        absolute = await listening.say(GET % b"http://elsewhere/version")
        assert b'"name":"fastops"' in absolute


async def test_what_nobody_wants_is_not_listened_to_for_long() -> None:
    async with served(create_app(quick_container(memory_settings()))) as listening:
        begin = b"POST /api/v1/users HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n"
        async with listening.connected() as (reader, writer):
            writer.write(begin % 100_000 + b"a" * 100_000 + GET % b"/livez")
            assert (await reader.readuntil(b'{"status":"alive"}')).startswith(b"HTTP/1.1 401")
            writer.write(begin % 200_000_000)
            await _send(writer, 2 * UNWANTED_BYTES)
            assert (await reader.read()).startswith(b"HTTP/1.1 401")


async def test_a_content_in_drops_wakes_the_application_no_oftener_than_a_content_in_parts() -> None:
    woken: list[int] = []
    echo = Echo()

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        async def counted() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                woken.append(len(message["body"]))
            return message

        await echo(scope, counted, send)

    size = WORTHWHILE_BYTES + 50
    async with served(counting) as listening, listening.connected() as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % size)
        for _ in range(50):
            writer.write(b"a")
            await asyncio.sleep(0.002)
        assert woken == []
        writer.write(b"a" * WORTHWHILE_BYTES)
        assert (await reader.readuntil(b"POST / %d" % size)).startswith(b"HTTP/1.1 200")
    assert sum(woken) == size
    assert len(woken) <= 3
