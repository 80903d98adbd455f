"""The executor keeps the event loop free, and says so when too many wait."""

import asyncio
import threading

import pytest

from adapters.system.threads import ThreadExecutor
from domain.shared.errors import Unavailable


async def test_a_call_runs_in_a_thread() -> None:
    executor = ThreadExecutor("test", 1)
    assert await executor(threading.current_thread) is not threading.current_thread()
    await executor.close()


async def test_errors_of_the_call_come_through() -> None:
    executor = ThreadExecutor("test", 1)
    with pytest.raises(ZeroDivisionError):
        await executor(lambda: 1 // 0)
    assert await executor(lambda: 7) == 7
    await executor.close()


async def test_a_full_queue_refuses_at_once_and_takes_calls_again_later() -> None:
    executor, gate = ThreadExecutor("test", 1, waiting_max=2), threading.Event()
    taken = [asyncio.create_task(executor(gate.wait)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as refusal:
        await executor(gate.wait)
    assert refusal.value.code == "busy"
    assert refusal.value.retry_after
    gate.set()
    assert await asyncio.gather(*taken) == [True] * 3
    assert await executor(lambda: 1) == 1
    await executor.close()


async def test_a_caller_that_left_gives_its_place_back() -> None:
    executor, gate, ran = ThreadExecutor("test", 1, waiting_max=1), threading.Event(), []
    running = asyncio.create_task(executor(gate.wait))
    waiting = asyncio.create_task(executor(lambda: ran.append(1)))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    later = asyncio.create_task(executor(lambda: 5))
    await asyncio.sleep(0)
    gate.set()
    assert await later == 5
    assert await running
    assert ran == []
    await executor.close()
