"""A disk of a few megabytes that can be filled: a tmpfs in a mount namespace of its own, which ends with its holder."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HOLD = 'mount -t tmpfs -o size="$2" tmpfs "$1" && echo mounted && exec sleep infinity'
STEP = 64 * 1024


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """`folder` is its place for programs that run inside; other processes reach it by `path`."""

    folder: Path
    holder: int

    @property
    def path(self) -> Path:
        return Path(f"/proc/{self.holder}/root{self.folder}")

    @property
    def free(self) -> int:
        """Bytes that can still be written."""
        figures = os.statvfs(self.path)
        return figures.f_bavail * figures.f_frsize

    def inside(self, *command: str) -> list[str]:
        """The command that runs another one where the disk is mounted, in the folder that it is called in."""
        enter = ["nsenter", f"--target={self.holder}", "--user", "--mount", "--preserve-credentials", "--wd=."]
        return [*enter, *command]

    def fill(self, leaving: int = 0) -> None:
        """Take all room but `leaving` bytes, to the last byte where that is none."""
        with (self.path / "filler").open("ab", buffering=0) as file:
            try:
                while (left := self.free - leaving) > 0:
                    file.write(bytes(min(left, STEP)))
                while not leaving:
                    file.write(b"\0")
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def make_room(self) -> None:
        """Give all of that back."""
        (self.path / "filler").unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[SmallDisk]:
    """Mounted on this empty folder. Raises LookupError where the machine lets nobody mount one."""
    if not (shutil.which("unshare") and shutil.which("nsenter")):
        raise LookupError("a small disk needs unshare and nsenter of util-linux")
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", HOLD, "sh", str(folder), str(size)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        if holder.stdout.readline() != "mounted\n":
            raise LookupError("a small disk needs a kernel that lets this account mount a tmpfs in its own namespace")
        yield SmallDisk(folder, holder.pid)
    finally:
        holder.kill()
        holder.communicate()
