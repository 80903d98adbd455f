"""Memory is put in huge pages where the system gives them, stays what it was, and no more of it is taken."""

import platform
import re
import subprocess
import sys

import pytest

from entrypoints.wiring.huge_pages import SYSTEM

PROBE = """
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from pathlib import Path
from entrypoints.wiring.huge_pages import SYSTEM, use_huge_pages

def kib(name):
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))

kept = bytearray(b"memory that stays" * 2_000_000)
sparse = mmap(-1, 64 << 20, flags=MAP_PRIVATE | MAP_ANONYMOUS)
for place in range(0, len(sparse), 1 << 20):
    sparse[place] = 1
before = kib("Rss:")
granted = use_huge_pages()
assert kept == bytearray(b"memory that stays" * 2_000_000)
print(granted >> 10, kib("AnonHugePages:"), kib("Rss:") - before)
"""


def grants_at_once() -> bool:
    """Whether this system has huge pages and a kernel that puts them together when it is asked."""
    version = tuple(int(number) for number in re.findall(r"\d+", platform.release())[:2])
    return (SYSTEM / "enabled").exists() and "[never]" not in (SYSTEM / "enabled").read_text() and version >= (6, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_what_is_in_use_is_put_in_huge_pages_and_what_is_mostly_empty_is_not() -> None:
    run = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    granted, huge, more = map(int, run.stdout.split())
    assert huge >= granted
    assert granted > 0 or not grants_at_once()
    assert more < 32 << 10
