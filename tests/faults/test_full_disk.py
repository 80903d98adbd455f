"""A disk without room: writes are refused and lose nothing, reading goes on, and with room all is as before."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from sqlalchemy import Connection

from adapters.indexing.snapshots import SnapshotFolder
from domain.identity.users import User
from domain.shared.errors import StorageFull
from domain.shared.values import ListQuery, new_id
from tests.conftest import needed
from tests.small_disk import SmallDisk, small_disk
from tests.stores import Store, sqlite_store

MEBIBYTE = 1024 * 1024


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
