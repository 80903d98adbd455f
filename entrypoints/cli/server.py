"""The HTTP server inside our own start and stop, so that what prevents a start is told and the end is in order."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from loguru import logger

from entrypoints.http.app import create_app
from entrypoints.http.server import Bounds, Server, Stage
from entrypoints.wiring.process import open_files

if TYPE_CHECKING:
    from entrypoints.wiring.container import Container

SIGNALS = (signal.SIGINT, signal.SIGTERM)
FILES_RESERVED = 256
"""For databases, uploads, snapshots and child processes; no client's connection may take these."""


class DrainingServer(Server):
    """Returns after SIGINT and SIGTERM, where uvicorn's own raises the signal again and so cuts the rest off."""

    def __init__(self, container: "Container") -> None:
        settings = container.settings()
        connections = connections_within(open_files(), settings.server.max_connections)
        bounds = Bounds(connections=connections, drain=settings.drain_seconds, stop=settings.server.stop_seconds)
        super().__init__(create_app(container), bounds, self._told)
        self.config.lifespan = "off"
        self._container = container

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (the signature is uvicorn's)
        """SIGTERM drains first; SIGINT comes from somebody at a terminal who waits. Each further one leads on."""
        self.stop(Stage.FINISHING if sig == signal.SIGINT else Stage.DRAINING)

    def _told(self, stage: Stage) -> None:
        health = self._container.operations.health()
        health.stopping = True
        health.finishing = stage >= Stage.FINISHING


def connections_within(files: int, wanted: int) -> int:
    """How many connections there may be where the process may open so many files: half of them at least."""
    possible = max(files // 2, files - FILES_RESERVED)
    if possible < wanted:
        logger.bind(setting="MAX_CONNECTIONS", count=possible).warning("the limit of open files allows fewer")
    return min(possible, wanted)
