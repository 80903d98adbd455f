"""Verifying a long trail: spans of batches in processes of their own, for a command or for a job."""

import asyncio
import gc
import os
import signal
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from application.audit.verification import Progress
from application.audit.verifying import VERIFY, VerifyService
from application.shared.jobs import JobQueue
from application.shared.ports import Clock
from domain.audit.findings import Verdict
from entrypoints.wiring.process import die_with_parent
from entrypoints.worker.jobs import Claims

if TYPE_CHECKING:
    from domain.audit.checkpoints import Checkpoint
    from entrypoints.wiring.container import Container

ENTRIES_PER_SPAN = 40_000
SPANS_AT_LEAST = 3
"""Below that a process more costs what it saves."""
YOUNG_OBJECTS = 100_000
Span = tuple[int, int | None]


async def verify(
    container: "Container",
    copies: Sequence["Checkpoint"],
    first: int,
    last: int | None,
    advance: Progress,
    processes: int,
) -> Verdict:
    """The verdict on the batches that hold these sequences, as `Verification.run` gives it.

    Short trails are looked at in this process, and those in memory.
    """
    settings, trail = container.settings(), container.persistence.sealed_trail()
    spans = await _spans(trail, first, last)
    if len(spans) < SPANS_AT_LEAST or settings.store == "memory":
        verdict: Verdict = await container.audit.verification().run(copies, first, last, advance)
        return verdict
    verdict, end = Verdict(), await trail.end()
    loop, spawn = asyncio.get_running_loop(), get_context("spawn")
    arguments = (settings.environ(), os.getpid())
    with ProcessPoolExecutor(min(processes, len(spans)), spawn, _prepare, arguments) as pool:
        parts = [
            loop.run_in_executor(pool, _verdict, [copy for copy in copies if _within(copy, span)], span)
            for span in spans
        ]
        for part in parts:
            verdict.join(await part)
            advance(verdict.entries, min(last or end, end) - first + 1)
    return verdict


async def _spans(trail: Any, first: int, last: int | None) -> list[Span]:
    """Sequences from the start of a batch to the end of another one; the last span ends where asked for."""
    starts, end = [first], min(last, await trail.end()) if last else await trail.end()
    place = first + ENTRIES_PER_SPAN
    while (seal := await trail.seal_at(place)) and seal.first_position <= end:
        if seal.first_position > starts[-1]:
            starts.append(seal.first_position)
        place = max(seal.last_position + 1, starts[-1] + ENTRIES_PER_SPAN)
    return [*((start, following - 1) for start, following in pairwise(starts)), (starts[-1], last)]


def _within(copy: "Checkpoint", span: Span) -> bool:
    return copy.last_sequence >= span[0] and (span[1] is None or copy.first_sequence <= span[1])


def _prepare(environ: dict[str, str], parent: int) -> None:
    """Read the parent's settings, and leave it to the parent when to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(parent)
    os.environ.update(environ)
    gc.set_threshold(YOUNG_OBJECTS)  # nearly all that is made here lives for one batch


def _verdict(copies: Sequence["Checkpoint"], span: Span) -> Verdict:
    from entrypoints.settings.settings import load_settings
    from entrypoints.wiring.container import build_container

    async def work() -> Verdict:
        container = build_container(load_settings(env_file=None).for_background())
        try:
            verdict: Verdict = await container.audit.verification().run(copies, *span)
            return verdict
        finally:
            await container.persistence.database().close()

    return asyncio.run(work())


class VerificationWorker:
    """Carries out verifications that were asked for, one at a time, in a process beside. `worker` names this one."""

    def __init__(self, container: "Container", queue: JobQueue, clock: Clock, worker: str) -> None:
        self._container, self._queue, self._clock, self._worker = container, queue, clock, worker
        self._service: VerifyService = container.audit.verifying()

    async def step(self) -> bool:
        """Claim a verification and carry it out; whether there was one."""
        tickets = await self._queue.claim(self._worker, (VERIFY,), 1, self._clock.now())
        for ticket in tickets:
            claims = Claims(self._queue, self._clock)
            claims.add([ticket])
            async with claims.held():
                await self._service.carry_out(ticket, self._run)
        return bool(tickets)

    async def _run(self, copies: Sequence["Checkpoint"], first: int, last: int | None, advance: Progress) -> Verdict:
        return await verify(self._container, copies, first, last, advance, processes=1)
