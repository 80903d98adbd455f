"""Two services on one database behind a proxy under load, restarted one after the other: how many requests fail.

    python -m benchmarks.rolling_restarts [--restarts 20] [--per-second 200] [--drain 2] [--database URL]
                                          [--proxy own|haproxy]

The proxy asks /readyz twice a second and repeats nothing that was sent. The second line of figures comes from the same
run with services that are stopped without a drain delay, as it was before there was one.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.search_http import free_port
from benchmarks.service import Service, bearer, percentile, prepare
from tests.proxy import proxy_to
from tests.rolling import Load, names_of_collections
from tests.wire import Wire

LOOK_EVERY = 0.5
HAPROXY = """
global
    maxconn 1000
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    retries 1
    option redispatch
frontend clients
    bind 127.0.0.1:{port}
    default_backend services
backend services
    option httpchk GET /readyz
    http-reuse always
    default-server inter 500ms fall 2 rise 1 check
    server first 127.0.0.1:{ports[0]}
    server second 127.0.0.1:{ports[1]}
"""


@asynccontextmanager
async def haproxy_to(*ports: int, folder: Path) -> AsyncIterator[int]:
    """A real HAProxy, which opens a connection anew where none was to be had and repeats no request that was sent."""
    port, configuration = free_port(), folder / "haproxy.cfg"
    configuration.write_text(HAPROXY.format(port=port, ports=ports), "ascii")
    process = await asyncio.create_subprocess_exec("haproxy", "-db", "-f", configuration)
    try:
        await asyncio.sleep(2)
        yield port
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def proxy(kind: str, ports: list[int], folder: Path) -> AsyncIterator[int]:
    if kind == "haproxy":
        async with haproxy_to(*ports, folder=folder) as port:
            yield port
    else:
        async with proxy_to(*ports, look_every=LOOK_EVERY) as own:
            await own.until_ready(len(ports))
            yield own.port


async def api_key(port: int) -> dict[str, str]:
    """The field of a key, which unlike a token outlives the run."""
    wire = Wire(port)
    content = b'{"name": "rolling restarts", "scopes": ["collections:read", "collections:write"]}'
    fields = {"content-type": "application/json", **await bearer(port)}
    reply = await wire.request("POST", "/api/v1/api-keys", fields, content)
    await wire.close()
    return {"x-api-key": reply.json["secret"]}


async def measure(options: argparse.Namespace, drain: float) -> None:
    with tempfile.TemporaryDirectory(prefix="fastops-rolling-") as name:
        folder = Path(name)
        settings = {"RATE_LIMITS": "off", "DRAIN_SECONDS": str(drain), "LOG_LEVEL": "WARNING"}
        settings |= {"DATABASE_URL": options.database} if options.database else {}
        prepare(folder / "var", **settings)
        services = [Service(folder / "var", **settings) for _ in range(2)]
        try:
            await asyncio.gather(*(service.ready() for service in services))
            await restart_under_load(options, drain, services, folder)
        finally:
            for service in services:
                if service.process.poll() is None:
                    await service.stop()


async def restart_under_load(options: argparse.Namespace, drain: float, services: list[Service], folder: Path) -> None:
    authority = await api_key(services[0].port)
    async with proxy(options.proxy, [service.port for service in services], folder) as port:
        load, ended = Load(port, authority, options.per_second), asyncio.Event()
        running = asyncio.create_task(load.run(ended))
        began = time.monotonic()
        for number in range(options.restarts):
            await services[number % 2].restart()
            await asyncio.sleep(2 * LOOK_EVERY + 0.5)
        seconds = time.monotonic() - began
        ended.set()
        tally = await running
    kept = await names_of_collections(services[0].port, authority)
    lost = len(set(tally.made) - set(kept))
    twice = len(kept) - len(set(kept))
    print(
        f"drain {drain:g} s: {options.restarts} restarts in {seconds:.0f} s, {sum(tally.outcomes.values())} requests,"
        f" {sum(tally.failed.values())} failed {tally.failed or ''}, {len(tally.made)} created, {lost} lost,"
        f" {twice} twice, p50 {percentile(tally.seconds, 0.5):.1f} ms, p99 {percentile(tally.seconds, 0.99):.1f} ms",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Restart services under load.")
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--per-second", type=float, default=200)
    parser.add_argument("--drain", type=float, default=2)
    parser.add_argument("--database", default=os.environ.get("DATABASE_URL"), help="unset: SQLite")
    parser.add_argument("--proxy", choices=["own", "haproxy"], default="own")
    options = parser.parse_args()
    for drain in (options.drain, 0.0):
        asyncio.run(measure(options, drain))


if __name__ == "__main__":
    main()
