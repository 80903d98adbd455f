"""What a pool tells of itself, to whoever watches."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class PoolFigures(Protocol):
    """Told of each connection that is opened, taken by a call, returned and closed, and of each call that waits."""

    def limited(self, connections: int) -> None:
        """How many connections the pool may have open."""

    def opened(self) -> None: ...
    def closed(self) -> None: ...

    def taken(self) -> None: ...
    def returned(self) -> None: ...

    def waiting(self) -> AbstractContextManager[object]:
        """Entered by a call that finds all connections in use, left when it has one or gives up."""


class NoFigures:
    """For pools that nobody watches."""

    def limited(self, connections: int) -> None: ...
    def opened(self) -> None: ...
    def closed(self) -> None: ...
    def taken(self) -> None: ...
    def returned(self) -> None: ...

    def waiting(self) -> AbstractContextManager[object]:
        return nullcontext()
