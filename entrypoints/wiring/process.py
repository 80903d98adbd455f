"""What a process of FastOps sets for itself before anything heavy is imported."""

import ctypes
import gc
import os
import resource
import signal
import sys
from contextlib import suppress

SINGLE_THREADED = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PR_SET_PDEATHSIG = 1
FILES_MAX = 1_000_000
GARBAGE = 10_000
"""Objects made, and not gone by themselves, after which the young ones are looked through.

A look costs as much as is alive then, and that is not more for looking less often.
"""


def limit_threads() -> None:
    """One thread per call of numpy: the search executor spreads calls over the cores. Call before numpy is imported."""
    for name in SINGLE_THREADED:
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def begin_loading() -> None:
    """Collect no garbage until `end_loading`: what is made until then stays, and a collection would walk all of it."""
    gc.disable()


def end_loading() -> None:
    """Collect garbage from now on, and only among what is made from now on."""
    gc.freeze()
    gc.set_threshold(GARBAGE, *gc.get_threshold()[1:])
    gc.enable()


def open_files() -> int:
    """Let this process open as many files as the system allows it to, and tell how many that are.

    The usual soft limit exists for programs that use select(2), which this one does not.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems name a hard limit above what they allow
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return FILES_MAX if soft == resource.RLIM_INFINITY else min(soft, FILES_MAX)


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process when its parent ends, however that happens (Linux; elsewhere the caller polls).

    Exits at once when `parent` is gone already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(0)
