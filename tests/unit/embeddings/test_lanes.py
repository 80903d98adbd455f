"""Working off parts a few at a time: bounded, counted, and ended by the first failure or by cancelling."""

import asyncio

import pytest

from adapters.embeddings.lanes import in_lanes

PARTS = [range(start, start + 2) for start in range(0, 40, 2)]


async def test_every_part_is_done_once_and_no_more_than_lanes_at_a_time() -> None:
    done: list[range] = []
    told: list[int] = []
    at_once = most = 0

    async def work(part: range) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        at_once -= 1
        done.append(part)

    await in_lanes(PARTS, 3, work, told.append)
    assert sorted(done, key=lambda part: part.start) == PARTS
    assert most == 3
    assert told == list(range(2, 41, 2))


async def test_the_first_failure_is_raised_and_nothing_begins_after_it() -> None:
    begun: list[range] = []

    async def work(part: range) -> None:
        begun.append(part)
        await asyncio.sleep(0)
        if part.start == 0:
            raise LookupError("first")

    with pytest.raises(LookupError, match="first"):
        await in_lanes(PARTS, 2, work, None)
    at_failure = len(begun)
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(begun) == at_failure < 6


async def test_cancelling_ends_all_lanes() -> None:
    ended: list[range] = []

    async def work(part: range) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(part)

    whole = asyncio.ensure_future(in_lanes(PARTS, 2, work, None))
    await asyncio.sleep(0.01)
    whole.cancel()
    with pytest.raises(asyncio.CancelledError):
        await whole
    assert ended == PARTS[:2]
