"""The end of a server: it says that it comes, what is at work is finished, and nothing that arrived is dropped."""

import asyncio
import json
import socket

import pytest

from entrypoints.cli.serve import listen
from entrypoints.http.server import Bounds, Server, Stage
from tests.server.sockets import GET, Echo, served
from tests.waiting import until
from tests.wire import Dropped, Wire

LONG = Bounds(drain=60, stop=60)
PATHS = ("/held", "/stream")


async def gone(port: int) -> None:
    """Wait until nobody listens there any more."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return
        await asyncio.sleep(0.01)


async def test_while_it_drains_everything_is_answered_and_each_answer_is_the_last() -> None:
    echo = Echo()
    async with served(echo, LONG) as listening:
        idle, busy, new = (Wire(listening.port) for _ in range(3))
        assert not (await idle.request("GET", "/a")).is_last
        held = asyncio.create_task(busy.request("GET", "/held"))
        await until(lambda: echo.held == 1)
        listening.server.stop()
        assert (await new.request("GET", "/b")).is_last
        assert idle.is_open
        assert (await idle.request("GET", "/c")).is_last
        echo.let_go.set()
        assert (await held).is_last
        assert listening.server.stage is Stage.DRAINING
        listening.server.stop()


async def test_requests_that_follow_at_once_are_all_answered_before_the_end() -> None:
    async with served(Echo(), LONG) as listening:
        listening.server.stop()
        answer = await listening.say(GET % b"/a" + GET % b"/b" + GET % b"/c")
        assert answer.count(b"HTTP/1.1 200 ") == 3
        assert answer.count(b"connection: close") == 1
        assert answer.endswith(b"GET /c 0")
        listening.server.stop()


async def test_after_that_what_is_at_work_is_finished_and_what_is_idle_is_closed() -> None:
    echo = Echo()
    async with served(echo, Bounds(drain=0, stop=60)) as listening:
        idle, busy, streaming = (Wire(listening.port) for _ in range(3))
        await idle.request("GET", "/a")
        held = asyncio.create_task(busy.request("GET", "/held"))
        stream = asyncio.create_task(streaming.request("GET", "/stream"))
        await until(lambda: echo.held == 2)
        listening.server.stop()
        await gone(listening.port)
        await until(lambda: not idle.is_open)
        await idle.close()
        echo.let_go.set()
        assert (await held).body == b"GET /held 0"
        assert (await stream).body == b"begun GET /stream 0"
        await streaming.close()


async def test_a_connection_in_use_is_not_closed_on_a_request() -> None:
    """Each client sends its next request at once; none may be lost, whenever the end comes."""

    async def keep_asking(port: int) -> int:
        wire, answers = Wire(port), 0
        while True:
            reply = await wire.request("GET", "/a")
            answers += 1
            if reply.is_last:
                return answers

    for _ in range(5):
        async with served(Echo(), Bounds(drain=0, stop=60)) as listening:
            clients = [asyncio.create_task(keep_asking(listening.port)) for _ in range(20)]
            await asyncio.sleep(0.05)
            listening.server.stop(Stage.FINISHING)
            assert min(await asyncio.gather(*clients)) >= 1


async def test_what_the_kernel_has_accepted_already_is_served() -> None:
    with listen("127.0.0.1", 0) as opened:
        server = Server(Echo(), Bounds())
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup(sockets=[opened])
        with socket.create_connection(opened.getsockname()) as client:  # the loop has no chance to accept it
            client.sendall(GET % b"/a")
            server.stop(Stage.FINISHING)
            await server.shutdown(sockets=[opened])
            assert client.recv(65536).endswith(b"GET /a 0")


@pytest.mark.parametrize("hurry", [True, False])
async def test_what_takes_too_long_is_given_up_and_told_so(hurry: bool) -> None:
    echo = Echo()
    async with served(echo, Bounds(drain=0, stop=60 if hurry else 0.3)) as listening:
        wires = [Wire(listening.port) for _ in PATHS]
        asked = [asyncio.create_task(wire.request("GET", path)) for wire, path in zip(wires, PATHS, strict=True)]
        await until(lambda: echo.held == 2)
        listening.server.stop()
        await gone(listening.port)
        if hurry:
            listening.server.stop()
        reply = await asked[0]
        assert (reply.status, json.loads(reply.body)["code"]) == (503, "shutting_down")
        assert reply.fields["retry-after"] == "1"
        with pytest.raises(Dropped):
            await asked[1]


async def test_each_further_signal_skips_a_stage() -> None:
    server = Server(Echo(), LONG)
    stages = []
    for _ in range(4):
        server.stop()
        stages.append(server.stage)
    assert stages == [Stage.DRAINING, Stage.FINISHING, Stage.CUT_OFF, Stage.CUT_OFF]
    hasty = Server(Echo(), LONG)
    hasty.stop(Stage.FINISHING)
    assert hasty.stage is Stage.FINISHING
