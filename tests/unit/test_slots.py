"""Slots of chunks: found by number, document and collection whatever came and went; and segments merged in blocks."""

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.indexing.allowed import allowed_slots
from adapters.indexing.selection import best, contenders
from adapters.indexing.slots import SlotTable, by_number
from adapters.keywords.bm25 import merging
from adapters.keywords.bm25.segments import Segment, segment_of
from application.knowledge.retrieval import ChunkBatch
from tests.chunk_batches import Chunk, batch, blob, many


def numbered(numbers: list[int], documents: list[UUID] | None = None) -> ChunkBatch:
    made = batch([Chunk(number) for number in numbers])
    return (
        made
        if documents is None
        else ChunkBatch(made.numbers, documents, made.collection_ids, made.vectors, made.terms)
    )


@given(st.lists(st.lists(st.integers(0, 60), max_size=12), max_size=12))
@settings(deadline=None)
def test_a_number_lies_in_the_slot_it_was_given_last(puts: list[list[int]]) -> None:
    table, expected = SlotTable(), dict[int, int]()
    for put in puts:
        ordered = by_number(numbered(put))
        first = table.append(ordered)
        expected |= {number: first + place for place, number in enumerate(ordered.numbers.tolist())}
        wanted = np.arange(-1, 62)
        assert table.view.find(wanted).tolist() == [expected.get(number, -1) for number in wanted.tolist()]
    assert len(table.view) == len(expected)


def test_numbers_that_arrive_in_disorder_are_kept_in_few_runs() -> None:
    table, random = SlotTable(), np.random.default_rng(2)
    for part in np.split(random.permutation(20_000), 1000):
        table.append(by_number(numbered(part.tolist())))
    assert len(table.view.runs) < 16
    ascending = SlotTable()
    for start in range(0, 20_000, 20):
        ascending.append(numbered(list(range(start, start + 20))))
    assert len(ascending.view.runs) == 1


def test_documents_are_told_apart_by_all_bits_of_their_ids() -> None:
    alike = [UUID(int=high << 64 | 5) for high in (3, 1, 2, 9)]
    table = SlotTable()
    table.append(numbered([1, 2, 3, 4, 5], [*alike, UUID(int=5)]))
    assert table.view.of_documents([alike[0], alike[2]]).tolist() == [0, 2]
    assert table.view.of_documents([UUID(int=7 << 64 | 5)]).tolist() == []
    assert table.view.of_documents([*alike, UUID(int=5), UUID(int=6)]).tolist() == [0, 1, 2, 3, 4]


def test_old_views_stay_as_they_were() -> None:
    table = SlotTable()
    table.append(numbered([1, 2, 3]))
    old = table.view
    table.append(numbered([2, 7]))
    table.drop(table.view.find(np.array([3])))
    table.rearrange(np.array([4, 0]), 5)
    assert old.numbers.tolist() == [1, 2, 3]
    assert old.find(np.array([1, 2, 3, 7])).tolist() == [0, 1, 2, -1]
    assert table.view.numbers.tolist() == [7, 1]


@pytest.mark.parametrize("size", [1, 63, 64, 65, 5000])
@pytest.mark.parametrize("pattern", ["all", "none", "first", "alternating", "one hidden", "halves"])
def test_every_form_of_an_allowed_set_says_the_same(size: int, pattern: str) -> None:
    places = np.arange(size)
    mask = {
        "all": places >= 0,
        "none": places < 0,
        "first": places < 1,
        "alternating": places % 2 == 0,
        "one hidden": places != size // 2,
        "halves": places >= size // 2,
    }[pattern]
    allowed, true = allowed_slots(mask), np.flatnonzero(mask).tolist()
    assert allowed.count == len(true)
    assert (allowed.mask is None) == (len(true) == size)
    assert allowed.slots is not None
    assert allowed.slots.tolist() == true
    if allowed.hidden is not None:
        assert sorted([*allowed.hidden.tolist(), *true]) == places.tolist()
    if allowed.spans is not None:
        assert [slot for start, stop in allowed.spans for slot in range(start, stop)] == true


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, 3.0]), max_size=300), st.integers(0, 40), st.integers(0, 5))
def test_the_best_are_among_the_contenders_with_all_their_ties(scores: list[float], limit: int, seed: int) -> None:
    column = np.array(scores, dtype=np.float32)
    numbers = np.random.default_rng(seed).permutation(len(scores)).astype(np.int64)
    places = contenders(column, limit, above=0)
    found = best(numbers[places], column[places], limit)
    true = sorted((-score, number) for score, number in zip(scores, numbers.tolist(), strict=True) if score > 0)[:limit]
    assert found.numbers.tolist() == [number for _, number in true]


def plain(segment: Segment) -> dict[int, list[tuple[int, int]]]:
    ends = zip(segment.terms.tolist(), segment.starts.tolist(), segment.starts[1:].tolist(), strict=False)
    postings = list(zip(segment.slots.tolist(), segment.frequencies.tolist(), strict=True))
    return {term: postings[start:stop] for term, start, stop in ends}


@pytest.mark.parametrize("at_once", [60, 1_000_000])
def test_merging_in_blocks_loses_nothing_but_the_dead(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(merging, "AT_ONCE", at_once)
    chunks = [Chunk(each.number, terms={term << 20 | 3: n for term, n in each.terms.items()}) for each in many(90)]
    segments, first = [], 5
    for size in (20, 1, 40, 29):
        made, lengths = segment_of([blob(chunk.terms) for chunk in chunks[first - 5 : first - 5 + size]], first)
        assert lengths.tolist() == [sum(chunk.terms.values()) for chunk in chunks[first - 5 : first - 5 + size]]
        segments.append(made)
        first += size
    live = np.random.default_rng(1).random(95) > 0.3
    expected: dict[int, list[tuple[int, int]]] = {}
    for place, chunk in enumerate(chunks):
        for term, frequency in chunk.terms.items() if live[place + 5] else ():
            expected.setdefault(term, []).append((place, frequency))
    merged = merging.merged(segments, live)
    assert (merged.first, merged.stop) == (5, 95)
    assert plain(merged) == dict(sorted(expected.items()))
    order = np.random.default_rng(2).permutation(np.flatnonzero(live[5:]) + 5)
    moved = merging.renumbered(segments, order, 95)
    new = {old - 5: place for place, old in enumerate(order.tolist())}
    assert plain(moved) == {
        term: sorted((new[place], frequency) for place, frequency in postings)
        for term, postings in sorted(expected.items())
    }
