"""Snapshot files of an index: arrays to map, and a header, written last, that says which files count and up to where.

One process at a time publishes, under a lock of the operating system; any number map. A process that dies while it
writes leaves the previous header, whose files are still there.
"""

import contextlib
import errno
import fcntl
import json
import mmap
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from domain.shared.errors import StorageFull

FORMAT = 1
ALIGNMENT = 64
Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where an array lies in its file, from `offset` in bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a snapshot. What lies behind `size` bytes belongs to nobody yet."""

    name: str
    size: int
    layouts: tuple[Layout, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """What one published snapshot consists of. `facts` must be equal for a reader to take it."""

    position: int
    facts: Mapping[str, Any]
    details: Mapping[str, Any]
    files: tuple[StoredFile, ...]


class SnapshotFolder:
    """The snapshots of one kind of index in a folder that it may share with other kinds."""

    def __init__(self, folder: Path, kind: str, facts: Mapping[str, Any]) -> None:
        self.folder = folder
        self.kind = kind
        self.facts = {"format": FORMAT, **facts}
        self._header, self.draft = folder / f"{kind}.json", folder / f"{kind}.draft"

    def header(self) -> Header | None:
        """The published snapshot; None where there is none, where it is damaged, or where its facts differ."""
        header = self.any_header()
        if header is None or header.facts != self.facts:
            return None
        whole = all(_size(self.folder / file.name) >= file.size for file in header.files)
        return header if whole else None

    def any_header(self) -> Header | None:
        """The header that stands, whatever its facts; None where there is none that can be read."""
        try:
            body, checksum = self._header.read_bytes().rsplit(b"\n", 1)
            return _header(json.loads(body)) if zlib.crc32(body) == int(checksum) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def header_until(self, latest: int | None) -> Header | None:
        """The published snapshot; one beyond `latest` is withdrawn."""
        header = self.header()
        if header is None or latest is None or header.position <= latest:
            return header
        with self.publishing() as publication:
            if publication.previous == header:
                self._header.unlink(missing_ok=True)
        return None

    def map(self, file: StoredFile) -> dict[str, npt.NDArray[Any]]:
        """The arrays of a file, read-only and shared with other processes. Raises FileNotFoundError once replaced."""
        with (self.folder / file.name).open("rb") as source:
            pages = mmap.mmap(source.fileno(), file.size, access=mmap.ACCESS_READ)
        return {
            layout.name: np.frombuffer(
                pages, dtype=layout.dtype, count=int(np.prod(layout.shape)), offset=layout.offset
            ).reshape(layout.shape)
            for layout in file.layouts
        }

    @contextlib.contextmanager
    def publishing(self) -> Iterator["Publication"]:
        """Hold the lock of the folder's publishers. Raises StorageFull where the disk has no room."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / f"{self.kind}.lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                publication = Publication(self)
                try:
                    yield publication
                except OSError:
                    publication.discard()
                    raise
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                detail = "There is no room for a snapshot of the index; free disk space. The index itself goes on."
                raise StorageFull("index_snapshot_full", detail) from error
            raise


class Publication:
    """The writing of one snapshot, by the one process that holds the lock."""

    def __init__(self, place: SnapshotFolder) -> None:
        self._place = place
        self.previous = place.header()

    def supersedes(self, position: int) -> bool:
        """Whether a snapshot as of `position` would be newer than the one that stands."""
        return self.previous is None or self.previous.position < position

    def holds(self, file: StoredFile) -> bool:
        """Whether the snapshot that stands consists of this very file among others."""
        return self.previous is not None and file in self.previous.files

    def write(self, arrays: Arrays) -> StoredFile:
        """A new file, not seen by anyone before `publish`."""
        name = f"{self._place.kind}-{uuid4().hex}.bin"
        layouts: list[Layout] = []
        with (self._place.folder / name).open("wb") as target:
            target.write(b"FastOps\n")
            for label, array in arrays.items():
                target.write(b"\0" * (-target.tell() % ALIGNMENT))
                layouts.append(Layout(label, array.dtype.str, array.shape, target.tell()))
                target.write(np.ascontiguousarray(array).data)
            size = target.tell()
            _to_disk(target.fileno())
        return StoredFile(name, size, tuple(layouts))

    def append(self, file: StoredFile, blocks: Iterable[npt.NDArray[Any]]) -> StoredFile:
        """Lengthen the only array of a file by rows; readers of the old header go on seeing the old rows only."""
        (layout,) = file.layouts
        count = layout.shape[0]
        with (self._place.folder / file.name).open("r+b") as target:
            target.seek(file.size)
            for rows in blocks:
                target.write(np.ascontiguousarray(rows).data)
                count += len(rows)
            size = target.tell()
            _to_disk(target.fileno())
        return StoredFile(file.name, size, (replace(layout, shape=(count, *layout.shape[1:])),))

    def publish(self, position: int, details: Mapping[str, Any], files: tuple[StoredFile, ...]) -> None:
        """Make these files the snapshot, in one step, and remove what belongs to none."""
        header = Header(position, self._place.facts, details, files)
        body = json.dumps(asdict(header)).encode()
        draft = self._place.draft
        with draft.open("wb") as target:
            target.write(b"%b\n%d" % (body, zlib.crc32(body)))
            _to_disk(target.fileno())
        draft.replace(self._place.folder / f"{self._place.kind}.json")
        with contextlib.suppress(OSError):
            folder = os.open(self._place.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        self._remove_all_but({file.name for file in files})

    def discard(self) -> None:
        """Remove what was written and not published."""
        self._place.draft.unlink(missing_ok=True)
        standing = self._place.any_header()
        self._remove_all_but({file.name for file in standing.files} if standing else set())

    def _remove_all_but(self, names: set[str]) -> None:
        for path in self._place.folder.glob(f"{self._place.kind}-*.bin"):
            if path.name not in names:
                path.unlink(missing_ok=True)


def _to_disk(descriptor: int) -> None:
    os.fsync(descriptor)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _header(plain: Mapping[str, Any]) -> Header:
    files = tuple(StoredFile(each["name"], each["size"], _layouts(each["layouts"])) for each in plain["files"])
    return Header(plain["position"], plain["facts"], plain["details"], files)


def _layouts(plain: Sequence[Mapping[str, Any]]) -> tuple[Layout, ...]:
    return tuple(Layout(each["name"], each["dtype"], tuple(each["shape"]), each["offset"]) for each in plain)
