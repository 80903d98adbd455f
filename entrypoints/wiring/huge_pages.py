"""Memory in huge pages, where Linux gives them: what requests walk through is found with fewer misses then."""

import ctypes
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SYSTEM = Path("/sys/kernel/mm/transparent_hugepage")
MADV_HUGEPAGE = 14
MADV_COLLAPSE = 25
"""Put the pages together now (Linux 6.1); older kernels do it in their time after `MADV_HUGEPAGE`. See madvise(2)."""
FULL = 0.75
"""How much of a stretch of memory must be in use already, so that none is taken for what lies empty, such as stacks."""
_ANONYMOUS = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p \S+ 00:00 0\b")
_STRETCH = re.compile(r"[0-9a-f]+-[0-9a-f]+ ")


def use_huge_pages() -> int:
    """Ask for huge pages under the memory that is in use; for how many bytes that was granted at once.

    Call when everything that stays is loaded. Does nothing on other systems, and where the administrator says never.
    """
    if sys.platform != "linux":
        return 0
    with suppress(OSError, ValueError, AttributeError):  # whatever this system is like, it works without
        if "[never]" not in (SYSTEM / "enabled").read_text():
            size = int((SYSTEM / "hpage_pmd_size").read_text())
            return sum(_ask(first, last - first) for first, last in list(_in_use(size)))
    return 0


def _ask(address: int, size: int) -> int:
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    madvise(address, size, MADV_HUGEPAGE)
    return size if madvise(address, size, MADV_COLLAPSE) == 0 else 0


def _in_use(size: int) -> Iterator[tuple[int, int]]:
    """Begin and end of what is full enough, in whole pages of this `size`. Of each stretch smaps tells `Rss` in KiB."""
    stretch: tuple[int, int] | None = None
    with Path("/proc/self/smaps").open() as lines:
        for line in lines:
            if _STRETCH.match(line):
                found = _ANONYMOUS.match(line)
                stretch = (int(found[1], 16), int(found[2], 16)) if found else None
            elif stretch and line.startswith("Rss:"):
                begin, end = stretch
                first, last = -(-begin // size) * size, end // size * size
                if first < last and int(line.split()[1]) * 1024 >= FULL * (end - begin):
                    yield first, last
