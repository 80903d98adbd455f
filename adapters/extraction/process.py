"""The parent's hold on one child process: start it, ask it within a time, end it. Blocking: used in threads only."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from adapters.extraction.messages import LENGTH, READY, Garbled, has_text, write_frame

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-P", "-s", "-m", "adapters.extraction.child")
START_SECONDS = 30.0


class NotStarted(Exception):
    """No child came up: the system refuses processes, or the installation is not whole."""


class TimedOut(Exception):
    """The child did not answer in time."""


class Gone(Exception):
    """The child ended instead of answering."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class ChildProcess:
    """A running child. It hears no terminal signals and inherits no environment, so no secrets either."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd="/",
                env=_environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise NotStarted from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests = self._process.stdin.fileno()
        self._answers = self._process.stdout.fileno()
        try:
            ready = self._frame(time.monotonic() + START_SECONDS, len(READY)) == READY
        except (Gone, TimedOut, Garbled):
            ready = False
        if not ready:
            self.end()
            raise NotStarted

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: bytes, *, seconds: float, most_bytes: int) -> tuple[bytearray, bytearray]:
        """Head and text of the answer. Raises Gone, TimedOut or Garbled; the child is of no more use then."""
        deadline = time.monotonic() + seconds
        try:
            write_frame(self._requests, request)
        except OSError as error:
            raise Gone(self._exit_code()) from error
        head = self._frame(deadline, most_bytes)
        return head, self._frame(deadline, most_bytes) if has_text(head) else bytearray()

    def kill(self) -> None:
        """End the child and the reader that it forked; safe from any thread, and when it has ended by itself."""
        with suppress(ProcessLookupError, PermissionError):
            if self.alive:
                os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill, reap and close. For the thread that owns this child."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _frame(self, deadline: float, most_bytes: int) -> bytearray:
        (length,) = LENGTH.unpack(self._receive(LENGTH.size, deadline))
        if length > most_bytes:
            raise Garbled
        return self._receive(length, deadline)

    def _receive(self, count: int, deadline: float) -> bytearray:
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        received = bytearray(count)
        rest = memoryview(received)
        while rest:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimedOut
            read = os.readv(self._answers, [rest])
            if not read:
                raise Gone(self._exit_code())
            rest = rest[read:]
        return received

    def _exit_code(self) -> int:
        """The child has closed its end; give it a moment to end wholly, then see to it."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(1.0)
        self.kill()
        return self._process.wait()


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    return {**kept, "PYTHONPATH": path, "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8"}
