"""The server under the application: uvicorn with an eye on all connections, a bound on their number, a gentle end."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import uvicorn
from loguru import logger
from starlette.types import ASGIApp

from entrypoints.http.connection import Connections, GuardedProtocol

TICK_SECONDS: Final = 0.1
LOOK_EVERY: Final = 10
"""Ticks between two looks at a connection. Each tick has its share of them, or hundreds that are overdue together would
be told so in one go, and all others had to wait for that."""


UNSENT_BYTES_MAX: Final = 256 * 1024 * 1024
"""What all connections together may hold of answers that their clients have not taken."""


class Stage(IntEnum):
    """How far the end of a server has come. Each stop signal leads on by at least one."""

    SERVING = 0
    DRAINING = 1
    """Serves as before, but says that others should be asked: on /readyz, and by `Connection: close`."""
    FINISHING = 2
    """Takes no new connections; what is at work comes to its end."""
    CUT_OFF = 3
    """What is still at work is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How many connections a server holds, and how long its end may take, in seconds."""

    connections: int = 10_000
    drain: float = 0.0
    stop: float = 20.0


class Server(uvicorn.Server):
    """uvicorn's server, which looks at its connections, and comes to its end in stages."""

    server_state: Connections

    def __init__(self, app: ASGIApp, bounds: Bounds, entered: Callable[[Stage], None] = lambda _: None) -> None:
        config = uvicorn.Config(
            app,
            http=GuardedProtocol,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        super().__init__(config)
        self.server_state = Connections(bounds.connections)
        self.stage = Stage.SERVING
        self._bounds, self._entered = bounds, entered

    def stop(self, at_least: Stage = Stage.DRAINING) -> None:
        """Go on to the next stage of the end, or further. May be called in a signal handler."""
        self.stage = Stage(min(Stage.CUT_OFF, max(self.stage + 1, at_least)))
        self.server_state.ending = self.should_exit = True
        self._entered(self.stage)

    async def on_tick(self, counter: int) -> bool:
        now, connections = asyncio.get_running_loop().time(), self._connections()
        for connection in connections:
            if connection.number % LOOK_EVERY == counter % LOOK_EVERY:
                connection.look(now)
        surplus = sum(connection.unsent for connection in connections) - UNSENT_BYTES_MAX
        if surplus > 0:
            _give_up_answers(connections, surplus)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Come to the end: serve on for the drain delay, let requests finish, give up what is left."""
        logger.bind(seconds=self._bounds.drain).info("draining")
        await self._stay(Stage.DRAINING, self._bounds.drain)
        self._go_on_to(Stage.FINISHING)
        await self._stop_listening(sockets or [])
        await self._stay(Stage.FINISHING, self._bounds.stop)
        if self._is_busy():
            self._go_on_to(Stage.CUT_OFF)
            await self._cut_off()
        await self.lifespan.shutdown()

    async def _stay(self, stage: Stage, seconds: float) -> None:
        """Remain in a stage until its time is over, a signal leads on, or nothing is left to finish."""
        loop = asyncio.get_running_loop()
        until, counter = loop.time() + seconds, 0
        while self.stage <= stage and loop.time() < until and (stage < Stage.FINISHING or self._is_busy()):
            await self.on_tick(counter)
            if stage is Stage.FINISHING:
                for connection in self._connections():
                    connection.retire(loop.time())
            await asyncio.sleep(min(TICK_SECONDS, max(0.0, until - loop.time())))
            counter += 1

    def _go_on_to(self, stage: Stage) -> None:
        if self.stage < stage:
            self.stop(stage)

    async def _stop_listening(self, sockets: Sequence[socket.socket]) -> None:
        """Take over the connections that the kernel has accepted already, which it would reset, and then no more."""
        left = [connection for listening in sockets for connection in _accepted(listening)]
        for server in self.servers:
            server.close()
        for listening in sockets:
            listening.close()
        loop = asyncio.get_running_loop()
        for connection in left:
            await loop.connect_accepted_socket(self._protocol, connection)

    async def _cut_off(self) -> None:
        logger.bind(count=len(self.server_state.tasks)).warning("requests given up: they took too long to finish")
        for connection in self._connections():
            connection.cut_off()
        for task in self.server_state.tasks:
            task.cancel()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=1)

    def _is_busy(self) -> bool:
        return bool(self.server_state.connections or self.server_state.tasks)

    def _connections(self) -> list[GuardedProtocol]:
        return [each for each in self.server_state.connections if isinstance(each, GuardedProtocol)]

    def _protocol(self) -> GuardedProtocol:
        return GuardedProtocol(self.config, self.server_state, self.lifespan.state)


def _give_up_answers(connections: list[GuardedProtocol], surplus: int) -> None:
    """End those that hold most, until the surplus is gone. A content that is sent in parts never holds much."""
    for connection in sorted(connections, key=lambda each: each.unsent, reverse=True):
        if surplus <= 0:
            return
        surplus -= connection.unsent
        connection.give_up_answer()


def _accepted(listening: socket.socket) -> Iterator[socket.socket]:
    listening.setblocking(False)
    while True:
        try:
            yield listening.accept()[0]
        except OSError:
            return
