"""Threads for calls that hold the processor: as many as there are cores, behind a bounded queue."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from domain.shared.errors import Unavailable

R = TypeVar("R")
WAITING_MAX = 256


class ThreadExecutor:
    """The port `Executor`. The loop stays free, and beyond `waiting_max` calls in line new ones are refused."""

    def __init__(self, name: str, workers: int | None = None, waiting_max: int = WAITING_MAX) -> None:
        self.workers = workers or cores()
        self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix=name)
        self._most = self.workers + waiting_max
        self._inside = 0
        self._lock = threading.Lock()

    async def __call__(self, call: Callable[[], R]) -> R:
        with self._lock:
            if self._inside >= self._most:
                raise Unavailable("busy", "Too much is being computed at this moment; try again.", retry_after=1)
            self._inside += 1
        try:
            future = self._pool.submit(call)
        except RuntimeError as error:
            self._leave()
            raise Unavailable("shutting_down", "The service is stopping; try again in a moment.") from error
        future.add_done_callback(self._leave)
        return await asyncio.wrap_future(future)

    async def close(self) -> None:
        """Wait for the calls that run; those in line are dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._pool.shutdown)

    def _leave(self, _: "Future[R] | None" = None) -> None:
        with self._lock:
            self._inside -= 1


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
