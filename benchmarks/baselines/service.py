"""The service as it is, with the memory of verified tokens switched off unless asked for, and less what is named.

DATABASE_URL=... python -m benchmarks.baselines.service PORT [--cache] [--small-pages] [--usual-collections]
"""

import asyncio
import gc
import socket
import sys
from collections.abc import Collection

import uvloop

from adapters.telemetry.logging import configure_logging
from entrypoints.cli.serve import listen
from entrypoints.cli.server import DrainingServer
from entrypoints.settings.settings import load_settings
from entrypoints.wiring.container import build_container
from entrypoints.wiring.huge_pages import use_huge_pages
from entrypoints.wiring.lifecycle import running
from entrypoints.wiring.process import end_loading

USUAL_THRESHOLDS = (700, 10, 10)


async def serve(listening: socket.socket, *, flags: Collection[str]) -> None:
    settings = load_settings(None, port=listening.getsockname()[1])
    configure_logging(settings.service.log_level, settings.service.log_format)
    container = build_container(settings)
    if "--cache" not in flags:
        container.security.access_tokens.add_kwargs(cached_max=0)
    server = DrainingServer(container)
    async with running(container):
        end_loading()
        if "--usual-collections" in flags:
            gc.set_threshold(*USUAL_THRESHOLDS)
        if "--small-pages" not in flags:
            await asyncio.to_thread(use_huge_pages)
        await server.serve(sockets=[listening])


def main() -> None:
    listening = listen("127.0.0.1", int(sys.argv[1]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(listening, flags=sys.argv[2:]))


if __name__ == "__main__":
    main()
