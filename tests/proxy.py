"""What lies between a client and a server: a line with faults, and a reverse proxy as one stands before a service."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.waiting import until
from tests.wire import Dropped, Reply, Wire

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


class Line:
    """A TCP connection's way to a port of this machine. It may take time, lose everything, or break."""

    def __init__(self, target: int, seconds: float = 0.0) -> None:
        self.seconds = seconds
        """How long each piece of data is on its way, in each direction."""
        self.is_black_hole = False
        """Whether data is taken and never delivered."""
        self.port = 0
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()

    def break_all(self) -> None:
        """Reset all connections at both ends."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        try:
            onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, onward_writer}
        self._writers |= both
        try:
            await asyncio.gather(self._carry(reader, onward_writer), self._carry(onward_reader, writer))
        finally:
            self._writers -= both
            for end in both:
                end.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass data on in its order, each piece as late as the line says, and then the end."""
        loop, pieces = asyncio.get_running_loop(), asyncio.Queue[tuple[float, bytes]]()

        async def deliver() -> None:
            while True:
                due, data = await pieces.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                with suppress(OSError):
                    if not data:
                        writer.write_eof()
                        return
                    if not self.is_black_hole:
                        writer.write(data)

        delivering = asyncio.create_task(deliver())
        data = b"begun"
        while data:
            try:
                data = await reader.read(65536)
            except OSError:
                data = b""
            pieces.put_nowait((loop.time() + self.seconds, data))
        await delivering


@asynccontextmanager
async def line_to(target: int, seconds: float = 0.0) -> AsyncIterator[Line]:
    """An open line; ends its connections at the end."""
    line = Line(target, seconds)
    async with _listening(line.serve) as line.port:
        yield line


@dataclass
class Backend:
    """A server behind the proxy: whether it is asked, and the connections that are kept to it."""

    port: int
    is_ready: bool = False
    idle: list[Wire] = field(default_factory=list)

    async def look(self) -> None:
        """Ask once whether it wants requests."""
        wire = Wire(self.port)
        try:
            self.is_ready = (await wire.request("GET", "/readyz", {"connection": "close"})).status == 200
        except (Dropped, OSError):
            self.is_ready = False
        finally:
            await wire.close()

    async def wire(self) -> Wire:
        """A kept connection, else a new one. Raises OSError."""
        while self.idle:
            kept = self.idle.pop()
            if kept.is_open:
                return kept
            await kept.close()
        wire = Wire(self.port)
        await wire.open()
        return wire

    def keep(self, wire: Wire) -> None:
        self.idle.append(wire)


class ReverseProxy:
    """Spreads requests over the backends that are ready, in turn. It keeps connections, and repeats nothing that was
    sent: what a backend drops is a 502. Contents and answers are passed on whole, not as streams."""

    def __init__(self, ports: list[int], look_every: float) -> None:
        self.backends = [Backend(port) for port in ports]
        self.port = 0
        self._look_every, self._turn = look_every, 0

    async def keep_looking(self) -> None:
        while True:
            await asyncio.gather(*(backend.look() for backend in self.backends))
            await asyncio.sleep(self._look_every)

    async def until_ready(self, count: int) -> None:
        """Wait until so many backends want requests."""
        await until(lambda: sum(backend.is_ready for backend in self.backends) >= count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one client's connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(text) for name, text in _fields(head) if name == "content-length"), 0)
                reply = await self._ask(head + await reader.readexactly(length))
                fields = {name: text for name, text in reply.fields.items() if name not in HOP_BY_HOP}
                lines = [f"HTTP/1.1 {reply.status} Passed on", *(f"{name}: {text}" for name, text in fields.items())]
                lines += [f"content-length: {len(reply.body)}", "", ""]
                writer.write("\r\n".join(lines).encode("latin-1") + reply.body)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _ask(self, request: bytes) -> Reply:
        for backend in self._in_turn():
            try:
                wire = await backend.wire()
            except OSError:
                continue  # nothing was sent, so the next one may be asked
            try:
                reply = await wire.exchange(request, without_body=request.startswith(b"HEAD "))
            except Dropped:
                return Reply(502, {}, b"the backend dropped the request")
            if reply.is_last:
                await wire.close()
            else:
                backend.keep(wire)
            return reply
        return Reply(503, {}, b"no backend is ready")

    def _in_turn(self) -> list[Backend]:
        ready = [backend for backend in self.backends if backend.is_ready]
        self._turn += 1
        first = self._turn % max(1, len(ready))
        return ready[first:] + ready[:first]

    async def close(self) -> None:
        for backend in self.backends:
            for wire in backend.idle:
                await wire.close()


def _fields(head: bytes) -> list[tuple[str, str]]:
    lines = head.decode("latin-1").split("\r\n")[1:-2]
    return [(name.lower(), text.strip()) for name, _, text in (line.partition(":") for line in lines)]


@asynccontextmanager
async def proxy_to(*ports: int, look_every: float = 0.1) -> AsyncIterator[ReverseProxy]:
    """A running proxy before these ports."""
    proxy = ReverseProxy(list(ports), look_every)
    looking = asyncio.create_task(proxy.keep_looking())
    try:
        async with _listening(proxy.serve) as proxy.port:
            yield proxy
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await proxy.close()


@asynccontextmanager
async def _listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]],
) -> AsyncIterator[int]:
    """The port on which each connection is served, until the end."""
    tasks = set[asyncio.Task[None]]()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
