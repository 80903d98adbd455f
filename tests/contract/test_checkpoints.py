"""Heads that are copied out: kept for good, in order, through crashes, and only where they follow from each other."""

import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.checkpoints.files import FileCheckpoints, read_checkpoints
from adapters.checkpoints.memory import MemoryCheckpoints
from application.audit.copying import HeadCopies, TrailDiffers
from application.audit.ports import Checkpoints
from domain.audit.chain import GENESIS, Seal, next_seal
from domain.audit.checkpoints import Checkpoint
from domain.shared.errors import Invalid, Unavailable
from tests.factories import UserFactory
from tests.fakes import ManualClock, OpenKeys, sign
from tests.stores import Store, memory_store


@pytest.fixture(params=["memory", "files"])
def copies(request: pytest.FixtureRequest, tmp_path: Path) -> Checkpoints:
    return MemoryCheckpoints() if request.param == "memory" else FileCheckpoints(tmp_path / "audit")


def heads(count: int) -> list[Checkpoint]:
    made: list[Checkpoint] = []
    clock, previous = ManualClock(), None
    for number in range(1, count + 1):
        seal: Seal = next_seal(previous, number, ["{}"], lambda statement: sign(1, statement), clock.now())
        made.append(Checkpoint.of(seal, previous.head if previous else GENESIS, b"k" * 32))
        previous = seal
    return made


async def test_heads_come_back_as_they_were_in_order_and_once(copies: Checkpoints) -> None:
    made = heads(4)
    assert (await copies.latest(), list(await copies.all())) == (None, [])
    await copies.append(made[:2])
    await copies.append(made[1:])
    await copies.append(made)
    assert list(await copies.all()) == made
    assert await copies.latest() == made[-1]


async def test_files_are_private_and_a_torn_line_is_dropped(tmp_path: Path) -> None:
    folder, made = tmp_path / "audit", heads(3)
    await FileCheckpoints(folder).append(made[:1])
    file = folder / "heads.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with file.open("a") as stream:
        stream.write('{"number": 2, "first_se')
    again = FileCheckpoints(folder)
    assert list(await again.all()) == made[:1]
    await again.append(made[1:])
    assert list(await again.all()) == made


async def test_files_are_turned_over_and_the_oldest_go(tmp_path: Path) -> None:
    folder, made = tmp_path / "audit", heads(20)
    store = FileCheckpoints(folder, file_bytes=1500, files_kept=2)
    for head in made:
        await store.append([head])
    kept = list(await FileCheckpoints(folder).all())
    assert 2 <= len(list(folder.glob("heads*.jsonl"))) <= 3
    assert kept == made[-len(kept) :]
    assert 4 < len(kept) < 12
    assert await FileCheckpoints(folder).latest() == made[-1]


async def test_two_processes_on_one_folder_write_each_head_once(tmp_path: Path) -> None:
    made = heads(3)
    one, other = FileCheckpoints(tmp_path), FileCheckpoints(tmp_path)
    await one.append(made[:2])
    await other.append(made)
    await one.append(made)
    assert list(await one.all()) == made


@pytest.mark.parametrize("line", ["{", "[]", "{}", "null", '{"number": 1}', '"x"'])
async def test_a_file_of_something_else_is_refused_and_the_line_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "heads.jsonl"
    file.write_text(line + "\n")
    with pytest.raises(Invalid, match="line") as refused:
        await FileCheckpoints(tmp_path).latest()
    assert refused.value.code == "checkpoints_unreadable"
    with pytest.raises(Invalid, match=r"Line 1 of heads\.jsonl"):
        read_checkpoints(file)


@pytest.mark.parametrize("name", ["number", "last_sequence", "head", "signature", "sealed_at", "key_id", "public_key"])
@pytest.mark.parametrize("value", [None, "zz", -1, 1 << 70])
def test_what_is_no_head_is_no_head(name: str, value: Any) -> None:
    whole = dict(heads(1)[0].plain())
    assert Checkpoint.parse(whole) == heads(1)[0]
    if name == "key_id":
        del whole[name]
    with pytest.raises(ValueError):
        Checkpoint.parse(whole | ({} if name == "key_id" else {name: value}))


async def test_a_folder_that_cannot_be_written_is_a_part_that_is_down(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable) as refused:
        await FileCheckpoints(tmp_path / "file" / "audit").append(heads(1))
    assert refused.value.code == "checkpoints_unwritable"
    with pytest.raises(Unavailable):
        read_checkpoints(tmp_path / "absent.jsonl")


async def sealed(store: Store, batches: int = 1) -> None:
    for _ in range(batches):
        await store.given(UserFactory())
        await store.seal()


async def test_every_new_head_is_copied(store: Store, copies: Checkpoints) -> None:
    copying = HeadCopies(store.sealed, copies, OpenKeys())
    await copying.step()
    assert await copies.latest() is None
    await sealed(store, 2)
    await copying.step()
    await sealed(store, 2)
    await copying.step()
    await copying.step()
    assert [head.number for head in await copies.all()] == [2, 3, 4], "it begins with the newest"
    await sealed(store)
    await HeadCopies(store.sealed, copies, OpenKeys()).step()
    assert [head.number for head in await copies.all()] == [2, 3, 4, 5]
    for head in await copies.all():
        assert head.is_genuine(OpenKeys().verify)


async def test_nothing_is_copied_from_a_trail_that_lost_the_last_head(copies: Checkpoints) -> None:
    store = memory_store()
    copying = HeadCopies(store.sealed, copies, OpenKeys())
    await sealed(store, 3)
    await copying.step()
    last = store.database.seals.pop()
    with pytest.raises(TrailDiffers):
        await copying.step()
    store.database.seals.append(replace(last, head=b"0" * 32))
    with pytest.raises(TrailDiffers):
        await copying.step()
    store.database.seals[-1] = last
    await copying.step()
    await sealed(store)
    store.database.seals[-1] = replace(store.database.seals[-1], signature=b"0" * 64)
    with pytest.raises(TrailDiffers):
        await copying.step()
    assert [head.number for head in await copies.all()] == [3]
