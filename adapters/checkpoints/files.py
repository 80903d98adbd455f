"""Heads of the trail in a folder: appended to a file, flushed to the disk, and kept within bounds.

One head covers everything before it, so the oldest files may go: what is lost is only how closely a cut is placed.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from domain.audit.checkpoints import Checkpoint
from domain.shared.errors import Invalid, Unavailable

CURRENT = "heads.jsonl"
FULL = "heads-*.jsonl"
FILE_BYTES = 1 << 20
FILES_KEPT = 16
TAIL_BYTES = 4096
"""Longer than any line."""


class CheckpointsUnreadable(Invalid):
    default_code = "checkpoints_unreadable"
    default_detail = "The file does not hold heads of an audit trail, one JSON object a line."


class FileCheckpoints:
    """The port `Checkpoints` in a folder that several processes may share. Files are readable by their owner only."""

    def __init__(self, folder: Path, file_bytes: int = FILE_BYTES, files_kept: int = FILES_KEPT) -> None:
        self._folder, self._file_bytes, self._files_kept = folder, file_bytes, files_kept

    async def latest(self) -> Checkpoint | None:
        return await asyncio.to_thread(self._latest)

    async def all(self) -> Sequence[Checkpoint]:
        return await asyncio.to_thread(self._all)

    async def append(self, heads: Sequence[Checkpoint]) -> None:
        try:
            await asyncio.to_thread(self._append, heads)
        except OSError as error:
            detail = f"Heads of the audit trail cannot be copied to {self._folder}: {error.strerror}."
            raise Unavailable("checkpoints_unwritable", detail) from error

    def _latest(self) -> Checkpoint | None:
        for file in reversed(self._files()):
            with file.open("rb") as stream:
                stream.seek(max(0, file.stat().st_size - TAIL_BYTES))
                lines = stream.read().split(b"\n")[:-1]
            if lines:
                return _head(file, lines[-1], "The last line")
        return None

    def _all(self) -> list[Checkpoint]:
        return [head for file in self._files() for head in read_checkpoints(file, torn=True)]

    def _append(self, heads: Sequence[Checkpoint]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone():
            latest = self._latest()
            new = [head for head in heads if latest is None or head.number > latest.number]
            if not new:
                return
            current = self._folder / CURRENT
            is_made = not current.exists()
            handle = os.open(current, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _drop_torn_line(handle)
                os.lseek(handle, 0, os.SEEK_END)
                _write(handle, "".join(json.dumps(head.plain()) + "\n" for head in new).encode())
                os.fsync(handle)
                is_full = os.fstat(handle).st_size >= self._file_bytes
            finally:
                os.close(handle)
            if is_full:
                self._turn_over(current)
            if is_made or is_full:
                _sync(self._folder)

    def _turn_over(self, current: Path) -> None:
        first = read_checkpoints(current)[0].number
        current.rename(self._folder / FULL.replace("*", f"{first:012}"))
        for old in sorted(self._folder.glob(FULL))[: -self._files_kept]:
            old.unlink()

    def _files(self) -> list[Path]:
        """The files that are there, oldest first."""
        current = self._folder / CURRENT
        return [*sorted(self._folder.glob(FULL)), *([current] if current.exists() else [])]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Of all processes on the folder, one at a time."""
        handle = os.open(self._folder / "heads.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def read_checkpoints(file: Path, *, torn: bool = False) -> list[Checkpoint]:
    """The heads of a file, by line. With `torn`, a last line that a crash cut short is passed over.

    Raises CheckpointsUnreadable, which names the line, and Unavailable where the file cannot be opened.
    """
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise Unavailable("checkpoints_missing", f"{file} cannot be read: {error.strerror}.") from error
    if torn:
        lines.pop()
    heads = []
    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        heads.append(_head(file, line, f"Line {place}"))
    return heads


def _head(file: Path, line: bytes, place: str) -> Checkpoint:
    try:
        return Checkpoint.parse(json.loads(line))
    except ValueError as error:
        raise CheckpointsUnreadable(detail=f"{place} of {file.name} holds no head of an audit trail.") from error


def _drop_torn_line(handle: int) -> None:
    """Cut off what a crash left of the last line."""
    size = os.fstat(handle).st_size
    text = os.pread(handle, size, 0)
    os.ftruncate(handle, text.rfind(b"\n") + 1)


def _write(handle: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]


def _sync(folder: Path) -> None:
    """Make names last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
