"""The circuit in front of a shared store: who waits for it, who does not, and what is told."""

import asyncio

import pytest
from limits.errors import StorageError

from adapters.limits.shared import TRY_AGAIN_SECONDS, Circuit, StoreDown
from domain.shared.errors import RateLimited
from tests.counts import Seconds


@pytest.fixture
def told() -> list[bool]:
    return []


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def circuit(told: list[bool], seconds: Seconds) -> Circuit:
    return Circuit(told.append, seconds)


async def fails(circuit: Circuit, error: Exception) -> None:
    with pytest.raises(StoreDown):
        async with circuit.trying():
            raise error


@pytest.mark.parametrize("error", [StorageError(ValueError("x")), ConnectionResetError(), TimeoutError()])
async def test_after_a_failure_nobody_tries_for_a_while(circuit: Circuit, told: list[bool], error: Exception) -> None:
    await fails(circuit, error)
    for _ in range(3):
        with pytest.raises(StoreDown):
            async with circuit.trying():
                pytest.fail("nothing is tried")
    assert told == [True]


async def test_then_one_tries_while_the_others_do_not_wait(
    circuit: Circuit, seconds: Seconds, told: list[bool]
) -> None:
    await fails(circuit, ConnectionResetError())
    seconds.passed += TRY_AGAIN_SECONDS
    async with circuit.trying():
        with pytest.raises(StoreDown):
            async with circuit.trying():
                pytest.fail("one is enough")
    async with circuit.trying():
        pass
    assert told == [True, False]


async def test_a_store_that_hangs_is_given_up(circuit: Circuit, told: list[bool]) -> None:
    with pytest.raises(StoreDown):
        async with circuit.trying():
            await asyncio.Event().wait()
    assert told == [True]


async def test_a_refusal_is_an_answer(circuit: Circuit, seconds: Seconds, told: list[bool]) -> None:
    await fails(circuit, ConnectionResetError())
    seconds.passed += TRY_AGAIN_SECONDS
    with pytest.raises(RateLimited):
        async with circuit.trying():
            raise RateLimited
    assert told == [True, False]


async def test_calls_from_before_a_failure_do_not_say_that_the_store_is_back(
    circuit: Circuit, told: list[bool]
) -> None:
    async with circuit.trying():
        await fails(circuit, ConnectionResetError())
    with pytest.raises(StoreDown):
        async with circuit.trying():
            pytest.fail("nothing is tried")
    assert told == [True]
