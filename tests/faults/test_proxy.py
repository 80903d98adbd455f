"""The simulators of faults do what they say, or tests with them would show nothing."""

import asyncio

import pytest

from tests.proxy import line_to, proxy_to
from tests.server.sockets import Echo, served
from tests.waiting import until
from tests.wire import Dropped, Wire


async def test_a_line_takes_time_loses_everything_and_breaks() -> None:
    loop = asyncio.get_running_loop()
    async with served(Echo()) as listening, line_to(listening.port, 0.05) as line:
        wire = Wire(line.port)
        began = loop.time()
        assert (await wire.request("GET", "/a")).body == b"GET /a 0"
        assert loop.time() - began >= 0.1
        line.is_black_hole = True
        asked = asyncio.create_task(wire.request("GET", "/b"))
        done, _ = await asyncio.wait([asked], timeout=0.3)
        assert not done
        line.break_all()
        with pytest.raises(Dropped):
            await asked


async def test_the_proxy_asks_those_that_are_ready_and_repeats_nothing_that_was_sent() -> None:
    async with served(Echo()) as listening, line_to(listening.port) as line, proxy_to(line.port) as proxy:
        wire = Wire(proxy.port)
        await proxy.until_ready(1)
        assert (await wire.request("POST", "/a", body=b"hi")).body == b"POST /a 2"
        held = asyncio.create_task(wire.request("GET", "/held"))
        await until(lambda: listening.server.config.loaded_app.held)
        line.break_all()
        assert (await held).status == 502
        proxy.backends[0].is_ready = False
        assert (await wire.request("GET", "/a")).status == 503
        await wire.close()
        listening.server.config.loaded_app.let_go.set()
