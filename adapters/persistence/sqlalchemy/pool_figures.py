"""What a pool tells of itself, to whoever watches."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class PoolFigures(Protocol):
    """Told of each connection that is opened and closed, and of each call that waits for one and then uses it."""

    def limited(self, connections: int) -> None:
        """How many connections the pool may have open."""

    def opened(self) -> None: ...
    def closed(self) -> None: ...

    def waiting(self) -> AbstractContextManager[object]:
        """Entered by a call that wants a connection, left when it has one or gives up."""

    def using(self) -> AbstractContextManager[object]:
        """Entered with the connection, left when it is given back."""


class NoFigures:
    """For pools that nobody watches."""

    def limited(self, connections: int) -> None: ...
    def opened(self) -> None: ...
    def closed(self) -> None: ...

    def waiting(self) -> AbstractContextManager[object]:
        return nullcontext()

    def using(self) -> AbstractContextManager[object]:
        return nullcontext()
