"""The HTTP server inside our own start and stop, so that what prevents a start is told and the end is in order."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from entrypoints.http.app import create_app
from entrypoints.http.server import Server, server_of

if TYPE_CHECKING:
    from entrypoints.wiring.container import Container

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class DrainingServer(Server):
    """Returns after SIGINT and SIGTERM, where uvicorn's own raises the signal again and so cuts the rest off."""

    def __init__(self, container: "Container") -> None:
        config = server_of(create_app(container)).config
        config.lifespan = "off"
        super().__init__(config)
        self._container = container

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Say on /readyz that no more requests should come, then finish those that are here."""
        self._container.operations.health().stopping = True
        super().handle_exit(sig, frame)
