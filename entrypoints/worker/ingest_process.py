"""The process beside the service that ingests: started when work is waiting, gone when there is none.

Extraction and embedding keep their memory and processor time out of the service. The child ends with its parent: the
kernel kills it on Linux, and everywhere the end of its stdin tells it to stop.
"""

import asyncio
import os
import sys

from loguru import logger

from application.shared.jobs import JobQueue
from application.shared.ports import Clock
from entrypoints.settings.settings import Settings
from entrypoints.worker.jobs import INGEST_KINDS, worker_name

STOP_SECONDS = 10.0


class IngestProcess:
    """Watches the queue and its child; `step` is called in a loop, `stop` once."""

    def __init__(self, settings: Settings, queue: JobQueue, clock: Clock) -> None:
        self._settings, self._queue, self._clock = settings, queue, clock
        self._child: asyncio.subprocess.Process | None = None
        self._left_claims = True  # a killed predecessor may have left some; only a new child may take them back

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None and self._child.returncode is None else None

    async def step(self) -> bool:
        child = self._child
        if child is not None:
            if child.returncode is None:
                return False
            self._child = None
            if child.returncode:
                self._left_claims = True
                raise ChildProcessError(f"the ingest process ended with {child.returncode}")
        if await self._is_needed():
            await self._start()
        self._left_claims = False
        return False

    async def stop(self) -> None:
        """Let the child finish what it holds; after `STOP_SECONDS` its claims are left to run out."""
        child = self._child
        if child is None or child.returncode is not None:
            return
        if child.stdin is not None:
            child.stdin.close()
        try:
            await asyncio.wait_for(child.wait(), STOP_SECONDS)
        except TimeoutError:
            child.kill()
            await child.wait()

    async def _is_needed(self) -> bool:
        if self._left_claims and await self._queue.open_count(worker_name(self._settings.service.data_dir)):
            return True
        return await self._queue.due(INGEST_KINDS, self._clock.now())

    async def _start(self) -> None:
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "entrypoints.worker.main",
            str(os.getpid()),
            stdin=asyncio.subprocess.PIPE,
            env=os.environ | self._settings.for_background().environ(),
        )
        logger.bind(pid=self._child.pid).info("ingest process started")
