"""A server that has been silent for a second is not waited for by others, until it answers anybody."""

import asyncio

import pytest

from adapters.persistence.sqlalchemy.doubt import Doubt

LONG = 3600.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def asks(doubt: Doubt) -> None:
    """A call that is never answered."""
    async with doubt.call(LONG):
        await asyncio.Event().wait()


async def answers(doubt: Doubt) -> None:
    async with doubt.call(LONG):
        pass


async def test_whoever_asks_beside_a_call_that_stays_unanswered_gives_up_soon() -> None:
    clock = Clock()
    doubt = Doubt(clock)
    first = asyncio.create_task(asks(doubt))
    await asyncio.sleep(0)
    clock.now = 1.1
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await asks(doubt)
    first.cancel()


async def test_an_answer_to_anybody_ends_the_doubt() -> None:
    clock = Clock()
    doubt = Doubt(clock)
    with pytest.raises(TimeoutError):
        async with doubt.call(0.001):
            await asyncio.Event().wait()
    await answers(doubt)
    patient = asyncio.create_task(asks(doubt))
    done, _ = await asyncio.wait([patient], timeout=0.7)
    assert not done
    patient.cancel()


async def test_a_refusal_is_an_answer() -> None:
    clock = Clock()
    doubt = Doubt(clock)

    async def is_refused() -> None:
        async with doubt.call(LONG):
            clock.now = 5.0
            raise LookupError

    with pytest.raises(LookupError):
        await is_refused()
    patient = asyncio.create_task(asks(doubt))
    done, _ = await asyncio.wait([patient], timeout=0.7)
    assert not done
    patient.cancel()
