"""Snapshots of the embedded indexes: whole or not at all, shared by processes, never older than what stands."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from adapters.keywords.bm25.index import Bm25Index
from adapters.vectors.embedded.index import EmbeddedVectorIndex
from application.knowledge.retrieval import AllowedSet, ChunkBatch
from tests.chunk_batches import DIMENSION, batch, document, many, signs

EVERYTHING = AllowedSet(None)
ROOT = Path(__file__).parents[2]
Index = Bm25Index | EmbeddedVectorIndex


def keywords() -> Bm25Index:
    return Bm25Index("test-1", merged_at_once=2000, dead_at_least=50)


def vectors() -> EmbeddedVectorIndex:
    return EmbeddedVectorIndex("test-model", DIMENSION, exact_below=100, kept=50, dead_at_least=50)


@pytest.fixture(params=[keywords, vectors])
def make(request: pytest.FixtureRequest) -> Callable[[], Index]:
    made: Callable[[], Index] = request.param
    return made


def answers(index: Index) -> list[bytes]:
    """What an index says to some questions, to the last bit."""
    if isinstance(index, Bm25Index):
        hits = [index.search(np.array([a, b], np.uint32), allowed=EVERYTHING, limit=50) for a, b in ((1, 2), (3, 40))]
    else:
        index.settle()
        hits = [index.search(signs(bits), allowed=EVERYTHING, limit=50) for bits in (0, 0x5A5A)]
    return [part.tobytes() for hit in hits for part in (hit.numbers, hit.scores)]


def test_a_snapshot_gives_the_same_answers(make: Callable[[], Index], tmp_path: Path) -> None:
    index = make()
    index.put(batch(many(400)))
    index.remove_documents([document(each) for each in range(0, 30, 2)])
    before = answers(index)
    index.save(tmp_path, 17)
    assert answers(index) == before
    other = make()
    assert other.load(tmp_path) == 17
    assert len(other) == len(index)
    assert answers(other) == before
    for each in (index, other):
        each.put(batch(many(450)[380:]))
        each.remove_documents([document(3)])
    assert answers(other) == answers(index)


def test_later_snapshots_follow_and_give_up_the_dead(make: Callable[[], Index], tmp_path: Path) -> None:
    index = make()
    index.put(batch(many(600)))
    index.save(tmp_path, 1)
    first = size_of(tmp_path)
    index.remove_documents([document(each) for each in range(100)])
    index.settle()
    index.save(tmp_path, 2)
    index.save(tmp_path, 3)
    assert size_of(tmp_path) < first
    other = make()
    assert other.load(tmp_path) == 3
    assert len(other) == len(index) == 200
    assert answers(other) == answers(index)


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def test_an_older_state_does_not_replace_a_newer_one(make: Callable[[], Index], tmp_path: Path) -> None:
    newer, older, reader = make(), make(), make()
    newer.put(batch(many(30)))
    older.put(batch(many(10)))
    newer.save(tmp_path, 9)
    older.save(tmp_path, 8)
    assert reader.load(tmp_path) == 9
    assert len(reader) == 30
    assert len(older) == 10


def test_a_snapshot_of_another_history_is_withdrawn(make: Callable[[], Index], tmp_path: Path) -> None:
    before_restore, after_restore, reader = make(), make(), make()
    before_restore.put(batch(many(30)))
    before_restore.save(tmp_path, 9)
    assert after_restore.load(tmp_path, latest=8) is None
    assert len(after_restore) == 0
    after_restore.put(batch(many(10)))
    after_restore.save(tmp_path, 8)
    assert reader.load(tmp_path, latest=8) == 8
    assert len(reader) == 10


def test_work_on_what_was_held_before_loading_is_dropped(tmp_path: Path) -> None:
    saved = keywords()
    saved.put(batch(many(30)))
    saved.save(tmp_path, 1)
    before, others = answers(saved), batch(many(3000, seed=9))
    for _ in range(5):
        index = Bm25Index("test-1", merged_at_once=2000)
        for start in range(0, 3000, 1500):
            index.put(part(others, start, start + 1500))
        assert index.load(tmp_path) == 1
        index.settle()
        assert answers(index) == before


def part(whole: ChunkBatch, start: int, stop: int) -> ChunkBatch:
    return ChunkBatch(
        whole.numbers[start:stop],
        whole.document_ids[start:stop],
        whole.collection_ids[start:stop],
        whole.vectors[start:stop],
        whole.terms[start:stop],
    )


def test_processes_that_take_turns_do_not_disturb_each_other(make: Callable[[], Index], tmp_path: Path) -> None:
    one, two = make(), make()
    one.put(batch(many(100)))
    one.save(tmp_path, 1)
    assert two.load(tmp_path) == 1
    one.put(batch(many(150)[100:]))
    two.put(batch(many(150)[100:]))
    one.save(tmp_path, 2)
    two.put(batch(many(170)[150:]))
    two.save(tmp_path, 3)
    one.put(batch(many(170)[150:]))
    one.save(tmp_path, 4)
    reader = make()
    assert reader.load(tmp_path) == 4
    assert answers(reader) == answers(one) == answers(two)


def test_what_does_not_fit_is_not_loaded(make: Callable[[], Index], tmp_path: Path) -> None:
    index = make()
    assert index.load(tmp_path / "absent") is None
    index.put(batch(many(20)))
    index.save(tmp_path, 1)
    others: list[Index] = [Bm25Index("test-2")]
    if isinstance(index, EmbeddedVectorIndex):
        others = [EmbeddedVectorIndex("other-model", DIMENSION), EmbeddedVectorIndex("test-model", 2 * DIMENSION)]
    for other in others:
        assert other.load(tmp_path) is None
        assert len(other) == 0


@pytest.mark.parametrize("harm", ["cut", "missing", "garbled", "empty"])
def test_a_damaged_snapshot_is_not_loaded_and_is_replaced(make: Callable[[], Index], tmp_path: Path, harm: str) -> None:
    index = make()
    index.put(batch(many(50)))
    index.save(tmp_path, 1)
    file = max(tmp_path.glob("*.bin"), key=lambda path: path.stat().st_size)
    header = next(tmp_path.glob("*.json"))
    if harm == "cut":
        os.truncate(file, file.stat().st_size - 1)
    elif harm == "missing":
        file.unlink()
    elif harm == "garbled":
        header.write_bytes(header.read_bytes().replace(b'"position": 1', b'"position": 7'))
    else:
        header.write_bytes(b"")
    reader = make()
    assert reader.load(tmp_path) is None
    index.save(tmp_path, 1)
    assert reader.load(tmp_path) == 1
    assert answers(reader) == answers(index)


WRITER = """
import sys
from pathlib import Path
from tests.chunk_batches import batch, many
from tests.contract.test_index_snapshots import {make}
index, folder = {make}(), Path(sys.argv[1])
chunks = many(4000)
position = index.load(folder) or 0
print("ready", flush=True)
while position < 400:
    index.put(batch(chunks[position * 10 : position * 10 + 10]))
    position += 1
    index.save(folder, position)
"""


def writer(make: Callable[[], Index], folder: Path) -> subprocess.Popen[bytes]:
    program = WRITER.format(make=make.__name__)
    process = subprocess.Popen([sys.executable, "-c", program, str(folder)], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def test_a_writer_killed_at_any_moment_leaves_a_whole_snapshot(make: Callable[[], Index], tmp_path: Path) -> None:
    chunks, position = many(4000), 0
    for delay in (0.03, 0.1, 0.05, 0.2):
        process = writer(make, tmp_path)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        reader = make()
        loaded = reader.load(tmp_path) or 0
        assert loaded >= position
        position = loaded
        expected = make()
        for start in range(0, 10 * position, 10):
            expected.put(batch(chunks[start : start + 10]))
        assert len(reader) == 10 * position
        assert answers(reader) == answers(expected)


def test_a_reader_beside_a_writer_always_sees_a_whole_snapshot(make: Callable[[], Index], tmp_path: Path) -> None:
    process, seen, reader = writer(make, tmp_path), set(), make()
    while process.poll() is None and len(seen) < 40:
        position = reader.load(tmp_path)
        if position is not None:
            assert len(reader) == 10 * position
            answers(reader)
            seen.add(position)
    process.kill()
    process.communicate()
    assert len(seen) > 3
