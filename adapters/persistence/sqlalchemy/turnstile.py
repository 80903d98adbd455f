"""Fair turns between processes that write to one SQLite file.

SQLite's own busy handler polls, so a process that writes in a tight loop keeps the others out. Two file locks make a
queue of it: whoever waits for `turn` holds `next`, so the one that has just finished cannot go straight in again.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Turnstile:
    """Held while one transaction is written. Locks vanish with their process, however it ends."""

    def __init__(self, database: Path) -> None:
        self._next = os.open(f"{database}.next", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._turn = os.open(f"{database}.turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @contextmanager
    def turn(self) -> Iterator[None]:
        fcntl.flock(self._next, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._turn, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._next, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._turn, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._next)
        os.close(self._turn)
