"""A crowd at the door holds up nobody inside."""

import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from urllib.parse import urlencode

from tests.http.service import PASSWORD, a_service, memory_settings
from tests.server.sockets import HOST, Listening, served
from tests.waiting import until

CROWD = 200


@asynccontextmanager
async def opened(listening: Listening, count: int) -> AsyncIterator[list[socket.socket]]:
    """Connections that the server has accepted."""
    with ExitStack() as stack:
        place = ("127.0.0.1", listening.port)
        sockets = [stack.enter_context(socket.create_connection(place)) for _ in range(count)]
        await listening.until_connected(count)
        for each in sockets:
            each.setblocking(False)
        yield sockets


def sign_in(number: int) -> bytes:
    who = f"nobody{number}@example.com"
    form = urlencode({"grant_type": "password", "username": who, "password": PASSWORD}).encode()
    head = b"POST /api/v1/auth/token HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n" % len(form)
    return head + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + form


async def test_a_request_behind_a_crowd_of_sign_ins_is_answered_before_it() -> None:
    async with a_service(memory_settings()) as service, served(service.app) as listening:
        authority = (await service.person("viewer")).headers["Authorization"].encode()
        service.container.security.passwords()._waiting = 1_000_000
        async with opened(listening, CROWD + 1) as (*crowd, inside):
            for number, each in enumerate(crowd):  # nothing is awaited here, so the server finds all of them at once
                each.send(sign_in(number))
            inside.send(b"GET /api/v1/me HTTP/1.1\r\n" + HOST + b"Authorization: " + authority + b"\r\n\r\n")
            await until(lambda: arrived(inside))
            assert len([each for each in crowd if arrived(each)]) < CROWD // 4
            await until(lambda: all(arrived(each) for each in crowd))
            assert inside.recv(65536).startswith(b"HTTP/1.1 200 ")
            for each in crowd:
                assert each.recv(65536).startswith(b"HTTP/1.1 503 ")


def arrived(connection: socket.socket) -> bool:
    """Whether an answer lies ready."""
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
