"""Waiting for others without holding them up: short tries with pauses, and an end."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from adapters.persistence.sqlalchemy.errors import broken_off, locked
from domain.shared.errors import Unavailable

T = TypeVar("T")
FIRST_PAUSE = 0.1
LAST_PAUSE = 2.0


class Patience:
    """How many seconds to wait for each thing that somebody else holds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def tries(self) -> Iterator[None]:
        """Give one turn after the other, each pause longer than the last, until the time is over."""
        until, pause = time.monotonic() + self.seconds, FIRST_PAUSE
        while True:
            yield
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, LAST_PAUSE)

    def repeated(self, statement: Callable[[], T]) -> T:
        """Run a statement until it is not refused for the locks of others. Raises Unavailable, and what it raises."""
        refused: DBAPIError | None = None
        for _ in self.tries():
            try:
                return statement()
            except DBAPIError as error:
                if not locked(error) and not broken_off(error):
                    raise
                refused = error
        detail = (
            f"Another connection has held what the migration needs for {self.seconds:g} s, so it has stopped; what is "
            "done is kept. End the long transaction, then run `fastops db upgrade` again, or give it a longer --wait."
        )
        raise Unavailable("migration_blocked", detail) from refused


@contextmanager
def only_runner(take: Callable[[], bool], patience: Patience) -> Iterator[None]:
    """Inside is whoever has taken the lock of runners. Raises Unavailable where another one keeps it for too long."""
    if not any(take() for _ in patience.tries()):
        detail = (
            f"Another process is moving this schema and has not ended within {patience.seconds:g} s. "
            "Wait for it, then run this again; `fastops db check` tells how far it is."
        )
        raise Unavailable("migration_running", detail)
    yield


def taken(file: int) -> bool:
    """Whether the lock on this open file was free, and is ours now; it vanishes with the process."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
