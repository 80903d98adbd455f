"""The service as it is, with the memory of verified tokens switched off unless it is asked for.

DATABASE_URL=... python -m benchmarks.baselines.service PORT [--cache] [--small-pages]
"""

import asyncio
import socket
import sys

import uvloop

from adapters.telemetry.logging import configure_logging
from entrypoints.cli.serve import listen
from entrypoints.cli.server import DrainingServer
from entrypoints.settings.settings import load_settings
from entrypoints.wiring.container import build_container
from entrypoints.wiring.huge_pages import use_huge_pages
from entrypoints.wiring.lifecycle import running
from entrypoints.wiring.process import end_loading


async def serve(listening: socket.socket, *, cache: bool, huge_pages: bool) -> None:
    settings = load_settings(None, port=listening.getsockname()[1])
    configure_logging(settings.service.log_level, settings.service.log_format)
    container = build_container(settings)
    if not cache:
        container.security.access_tokens.add_kwargs(cached_max=0)
    server = DrainingServer(container)
    async with running(container):
        end_loading()
        if huge_pages:
            use_huge_pages()
        await server.serve(sockets=[listening])


def main() -> None:
    listening = listen("127.0.0.1", int(sys.argv[1]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(listening, cache="--cache" in sys.argv, huge_pages="--small-pages" not in sys.argv))


if __name__ == "__main__":
    main()
