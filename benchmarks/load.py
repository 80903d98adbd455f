"""Load from one process: keep-alive connections that each send a request as soon as the last one is answered."""

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True)
class Measured:
    """Answers per second, and the times of single answers in milliseconds."""

    rate: float
    p50: float
    p99: float


class _Connection(asyncio.Protocol):
    def __init__(self, request: Callable[[], bytes], until: float, done: "asyncio.Future[list[float]]") -> None:
        self._request, self._until, self._done = request, until, done
        self._seconds: list[float] = []
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        if not head.startswith(b"HTTP/1.1 2"):
            self._done.set_exception(RuntimeError(head[:60].decode("latin-1")))
            self._transport.abort()
            return
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        if len(rest) < length:
            return
        self._received = rest[length:]
        now = time.perf_counter()
        self._seconds.append(now - self._sent)
        if now < self._until:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(self._seconds) if error is None else self._done.set_exception(error)

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request())


async def load(port: int, path: str, token: str, *, connections: int = 16, seconds: float = 3.0) -> Measured:
    """Read `path` on the loopback for `seconds`. Raises where an answer is no success."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    return await load_of(port, lambda: request, connections=connections, seconds=seconds)


async def load_of(port: int, request: Callable[[], bytes], *, connections: int = 16, seconds: float = 3.0) -> Measured:
    """Send what `request` makes each time for `seconds`. Raises where an answer is no success."""
    loop, until = asyncio.get_running_loop(), time.perf_counter() + seconds
    waiting: list[asyncio.Future[list[float]]] = [loop.create_future() for _ in range(connections)]
    for done in waiting:
        await loop.create_connection(lambda done=done: _Connection(request, until, done), "127.0.0.1", port)
    async with asyncio.timeout(seconds + 30):
        times = sorted(second for each in await asyncio.gather(*waiting) for second in each)
    return Measured(len(times) / seconds, statistics.median(times) * 1000, times[len(times) * 99 // 100] * 1000)
