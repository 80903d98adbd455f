"""Reads of a healthy client while 100 clients send their heads and 100 their contents drop by drop, and before.

    python -m benchmarks.slow_clients [--each 100] [--seconds 15] [--idle 5000]

Tells when the last of the slow ones was cut off. After that so many connections are opened that say nothing at all.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.search_http import resident_mib
from benchmarks.service import Service, bearer, percentile, prepare, read_steadily
from entrypoints.wiring.process import open_files

DROP_SECONDS = 0.5
HEAD = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: " + b"a" * 1000
CONTENT = b"POST /api/v1/auth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10000\r\n"
CONTENT += b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
OPENED = "opened"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def opened(port: int, count: int) -> list[Streams]:
    """Connections; when all are there, that is said to whoever measures."""
    open_files()
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    print(OPENED, flush=True)
    return streams


async def drip(streams: Streams, begin: bytes, rest: bytes, after: float) -> tuple[float, str]:
    """Seconds until the connection is ended, and how that was told. Each client keeps a time of its own, `after`."""
    (reader, writer), began = streams, time.monotonic()

    async def send() -> None:
        writer.write(begin)
        await asyncio.sleep(after)
        for place in range(len(rest)):
            writer.write(rest[place : place + 1])
            await asyncio.sleep(DROP_SECONDS)

    sending = asyncio.create_task(send())
    told = await reader.read()
    sending.cancel()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return time.monotonic() - began, told.partition(b"\r\n")[0].decode()


async def attack(port: int, each: int) -> None:
    """All slow clients at once; tells how they ended."""
    streams = await opened(port, 2 * each)
    apart = DROP_SECONDS / len(streams)
    heads = [drip(one, b"", HEAD, number * apart) for number, one in enumerate(streams[:each])]
    contents = [drip(one, CONTENT, b"a" * 1000, (each + number) * apart) for number, one in enumerate(streams[each:])]
    ended = await asyncio.gather(*heads, *contents)
    for name, part in (("heads", ended[:each]), ("contents", ended[each:])):
        last, told = max(after for after, _ in part), {line for _, line in part}
        print(f"  slow {name}: {len(part)} ended, the last after {last:.1f} s: {told}", flush=True)


async def hold_open(port: int, count: int, seconds: float) -> None:
    """Connections that say nothing."""
    streams = await opened(port, count)
    await asyncio.sleep(seconds)
    left = sum(not reader.at_eof() for reader, _ in streams)
    print(f"  {left} of {count} silent connections are still open", flush=True)


async def phase(service: Service, authority: dict[str, str], name: str, seconds: float, *arguments: str) -> None:
    """Read for a while, and tell how long that took and what the others have to tell."""
    others = None
    if arguments:
        command = [sys.executable, "-m", "benchmarks.slow_clients", "--against", str(service.port), *arguments]
        others = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert others.stdout is not None
        assert (await others.stdout.readline()).decode().strip() == OPENED
    ended = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, ended.set)
    times = await read_steadily(service.port, authority, ended)
    figures = ", ".join(f"p{share * 100:g} {percentile(times, share):.1f} ms" for share in (0.5, 0.99, 0.999))
    resident = resident_mib(service.process.pid)
    print(f"{name}: {len(times)} reads, {figures}, resident {resident:.0f} MiB", flush=True)
    if others:
        print((await others.communicate())[0].decode(), end="", flush=True)


async def measure(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="fastops-slow-") as folder:
        data_dir = Path(folder) / "var"
        prepare(data_dir)
        service = Service(data_dir, RATE_LIMITS="off")
        try:
            await service.ready()
            authority = await bearer(service.port)
            await asyncio.sleep(3)  # the model is still being loaded
            await phase(service, authority, "alone", options.seconds)
            await phase(service, authority, "beside slow clients", options.seconds, "--each", str(options.each))
            await phase(service, authority, "alone again", options.seconds)
            await phase(service, authority, "beside silent clients", 8, "--hold", str(options.idle))
        finally:
            await service.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description="Read while others send slowly.")
    parser.add_argument("--each", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--idle", type=int, default=5000)
    parser.add_argument("--against", type=int, metavar="PORT", help="only the slow clients, on a service that runs")
    parser.add_argument("--hold", type=int, help="with --against: so many silent connections instead")
    options = parser.parse_args()
    if options.against and options.hold:
        asyncio.run(hold_open(options.against, options.hold, 15))
    elif options.against:
        asyncio.run(attack(options.against, options.each))
    else:
        asyncio.run(measure(options))


if __name__ == "__main__":
    main()
