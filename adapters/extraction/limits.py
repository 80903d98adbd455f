"""What reading one file may cost, and how a child process is held to it by its kernel."""

import contextlib
import ctypes
import resource
import signal
from dataclasses import dataclass

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Address space in bytes, processor and wall time in seconds, pages, and bytes of text per byte of file.

    The ratio counts from `expansion_floor` bytes of text upward: a small file may well unfold to some pages.
    """

    memory_bytes: int = 512 * MEBIBYTE
    cpu_seconds: int = 20
    wall_seconds: float = 30.0
    pages: int = 2_000
    expansion: int = 100
    expansion_floor: int = MEBIBYTE

    def expanded(self, file_bytes: int) -> int:
        """The most bytes that a file of `file_bytes` may unfold to."""
        return max(self.expansion_floor, self.expansion * file_bytes)


def confine(limits: Limits) -> None:
    """Bind this process to memory and time; beyond it is killed by SIGXCPU or SIGALRM, or meets MemoryError.

    It cannot write files or dump core either.
    """
    _lower(resource.RLIMIT_AS, limits.memory_bytes)
    _lower(resource.RLIMIT_CPU, limits.cpu_seconds, above=1)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    signal.setitimer(signal.ITIMER_REAL, limits.wall_seconds)


def seal() -> None:
    """From here on this process can open nothing: no file, no socket, no library. What is open stays usable."""
    _lower(resource.RLIMIT_NOFILE, 0)


def leave_network() -> None:
    """Move into an empty network namespace where the kernel permits it; elsewhere `seal` alone keeps sockets away."""
    with contextlib.suppress(AttributeError, OSError):
        unshare = ctypes.CDLL(None).unshare
        if unshare(CLONE_NEWNET) != 0:
            unshare(CLONE_NEWUSER | CLONE_NEWNET)


def _lower(kind: int, value: int, *, above: int = 0) -> None:
    """Some systems refuse some limits; the parent's own watch over time stays.

    Time needs a hard limit `above` the soft one: where both are reached at once, Linux kills without saying why.
    """
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (value, value + above))
