"""A disk without room: writes are refused and lose nothing, reading goes on, and with room all is as before."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlencode

import numpy as np
import pytest
from sqlalchemy import Connection

from adapters.indexing.snapshots import SnapshotFolder
from domain.identity.users import User
from domain.shared.errors import StorageFull
from domain.shared.values import ListQuery, new_id
from tests.cli.conftest import Terminal
from tests.cli.serving import Answer, Serving, serving
from tests.conftest import needed
from tests.small_disk import SmallDisk, small_disk
from tests.stores import Store, sqlite_store

MEBIBYTE = 1024 * 1024


EMAIL, PASSWORD = "ada@example.com", "seven green tractors at dawn"
KINDS = ("collection", "user", "text", "file", "sign-in")
CHECK = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('PRAGMA integrity_check').fetchone()[0])"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    with needed(small_disk(folder, 16 * MEBIBYTE)) as mounted:
        yield mounted


def pages_at_most(count: int | None) -> Callable[[Connection], int]:
    """Forbid SQLite to make its file larger than this, or than it is; none lets it grow again."""

    def call(connection: Connection) -> int:
        most = connection.exec_driver_sql("PRAGMA page_count").scalar_one() if count is None else count
        return int(connection.exec_driver_sql(f"PRAGMA max_page_count={most}").scalar_one())

    return call


async def until_refused(store: Store, kept: list[User]) -> NoReturn:
    while True:
        user = User.register(name="x" * 100, email=f"{new_id()}@example.com", at=store.clock.now())
        await store.given(user)
        kept.append(user)


async def test_a_database_that_cannot_grow_refuses_and_reads_on(sqlite_file: Path) -> None:
    async with sqlite_store(sqlite_file) as store:
        await store.database.write(pages_at_most(None))
        kept: list[User] = []
        with pytest.raises(StorageFull, match="storage_full"):
            await until_refused(store, kept)
        many = [until_refused(store, kept) for _ in range(20)]
        assert {type(end) for end in await asyncio.gather(*many, return_exceptions=True)} == {StorageFull}
        assert {entry.target_id for entry in await store.entries()} == {str(user.id) for user in kept}
        await store.database.write(pages_at_most(1_000_000))
        await store.given(User.register(name="Eve", email="eve@example.com", at=store.clock.now()))
        page = await store.lists.users(ListQuery(filters={"email": "eve@example.com"}))
        assert [user.name for user in page.items] == ["Eve"]


def test_a_snapshot_without_room_leaves_the_one_before(disk: SmallDisk) -> None:
    place = SnapshotFolder(disk.path / "index", "test", {})
    numbers = np.arange(MEBIBYTE, dtype=np.uint32)
    with place.publishing() as publication:
        publication.publish(1, {}, (publication.write({"numbers": numbers}),))
    before = sorted(disk.path.rglob("*"))
    disk.fill(leaving=MEBIBYTE)
    with pytest.raises(StorageFull, match="index_snapshot_full"), place.publishing() as publication:
        publication.publish(2, {}, (publication.write({"numbers": numbers + 1}),))
    disk.make_room()
    assert sorted(disk.path.rglob("*")) == before
    header = place.header()
    assert header is not None
    assert header.position == 1
    assert (place.map(header.files[0])["numbers"] == numbers).all()


@dataclass
class Writer:
    """Writes things of every kind, and knows which of them were acknowledged and which refused."""

    service: Serving
    token: str
    collection: str
    kept: dict[str, Answer] = field(default_factory=dict)
    refused: dict[str, Answer] = field(default_factory=dict)

    def write(self, kind: str, number: int) -> Answer:
        """One thing, by a key of its own; the same number is the same request."""
        name = f"{kind}-{number}"
        documents = f"/api/v1/collections/{self.collection}/documents"
        signed = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": name}
        if kind == "sign-in":
            form = urlencode({"grant_type": "password", "username": EMAIL, "password": PASSWORD})
            return self._noted(name, self.service.send("/api/v1/auth/token", form.encode(), {}))
        if kind == "file":
            part = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}.txt"\r\n\r\n'
            content = part.encode() + name.encode() * 2_000 + b"\r\n--x--\r\n"
            media = {"Content-Type": "multipart/form-data; boundary=x"}
            return self._noted(name, self.service.send(documents, content, signed | media))
        content = {
            "collection": ("/api/v1/collections", {"name": name}),
            "user": ("/api/v1/users", {"name": name, "email": f"{name}@example.com"}),
            "text": (documents, {"title": name, "text": f"{name} " * 300}),
        }[kind]
        return self._noted(name, self.service.post(*content, self.token, key=name))

    def _noted(self, name: str, answer: Answer) -> Answer:
        (self.kept if answer.status < 300 else self.refused)[name] = answer
        return answer


def test_a_service_on_a_full_disk_refuses_reads_on_and_recovers(disk: SmallDisk, tmp_path: Path) -> None:
    (disk.path / "tmp").mkdir()
    environment = {"DATA_DIR": str(disk.folder / "var"), "TMPDIR": str(disk.folder / "tmp")}
    terminal = Terminal(tmp_path, environment, disk.inside())
    arguments = ("--email", EMAIL, "--name", "Ada", "--role", "admin", "--password-stdin")
    terminal.done("db", "upgrade")
    terminal.done("user", "create", *arguments, stdin=PASSWORD + "\n")
    with serving(terminal) as service:
        token = service.sign_in(EMAIL, PASSWORD)
        collection = service.post("/api/v1/collections", {"name": "Library"}, token).json["id"]
        writer = Writer(service, token, collection)
        for kind in KINDS:
            assert writer.write(kind, 0).status < 300
        ready_documents(service, token, collection)
        last = refused_everywhere(disk, writer)
        assert {answer.json["code"] for answer in writer.refused.values()} == {"storage_full"}
        assert {answer.status for answer in writer.refused.values()} == {507}
        for path in ("/livez", "/readyz", "/api/v1/me", "/api/v1/users", f"/api/v1/collections/{collection}/documents"):
            assert service.get(path, token).status == 200, path
        assert service.post("/api/v1/search", {"query": "text"}, token).json["items"]
        wait_for(lambda: '"loop":"sequencer","attempts":1,"code":"storage_full"' in service.output, service)
        disk.make_room()
        refused = dict(writer.refused)
        for name in sorted(refused):
            kind, _, number = name.rpartition("-")
            assert writer.write(kind, int(number)).status < 300, name
        for kind in KINDS:
            assert writer.write(kind, last + 1).status < 300
        ready_documents(service, token, collection)
        wait_for(lambda: is_sealed(service, token), service)
        assert_kept(service, writer)
        assert service.stop() == 0
    database = str(disk.folder / "var" / "fastops.db")
    checked = subprocess.run(disk.inside(sys.executable, "-c", CHECK, database), capture_output=True, text=True)
    assert checked.stdout == "ok\n", checked.stderr


def refused_everywhere(disk: SmallDisk, writer: Writer) -> int:
    """Fill the disk to its last byte and write until every kind has been refused; the last number."""
    for number in count(1):
        for kind in KINDS:
            disk.fill()
            writer.write(kind, number)
        if {name.rpartition("-")[0] for name in writer.refused} == set(KINDS):
            return number
        assert number < 100
    raise AssertionError


def ready_documents(service: Serving, token: str, collection: str) -> None:
    """Wait until nothing of the collection is in the queue any more."""
    path = f"/api/v1/collections/{collection}/documents?limit=200"
    wait_for(lambda: {item["status"] for item in service.get(path, token).json["items"]} == {"ready"}, service)


def is_sealed(service: Serving, token: str) -> bool:
    """Whether the keeper of the journal has numbered and sealed everything."""
    return all(item["sequence"] for item in service.get("/api/v1/audit-events?limit=200", token).json["items"])


def wait_for(condition: Callable[[], bool], service: Serving) -> None:
    give_up = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < give_up, service.output[-5000:]
        time.sleep(0.1)


def assert_kept(service: Serving, writer: Writer) -> None:
    """Each thing that was acknowledged is there once."""
    lists = {
        "collection": ("/api/v1/collections?limit=200", "name"),
        "user": ("/api/v1/users?limit=200", "name"),
        "text": (f"/api/v1/collections/{writer.collection}/documents?limit=200", "title"),
    }
    for kind, (path, member) in lists.items():
        there = [item[member] for item in service.get(path, writer.token).json["items"]]
        acknowledged = {name for name in writer.kept if name.startswith(f"{kind}-")}
        assert sorted(name for name in there if name.startswith(f"{kind}-")) == sorted(acknowledged)
