"""The extractor of the product: every file is read in a child process that is replaced after any violation."""

import asyncio
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from adapters.extraction.limits import Limits
from adapters.extraction.messages import EXIT_CODES, Garbled, Request, SourceUnreadable, parse_extract
from adapters.extraction.process import COMMAND, ChildProcess, Gone, NotStarted, TimedOut
from adapters.extraction.sniffing import Hints
from domain.knowledge.errors import ExtractionFailed
from domain.knowledge.extracts import Extract, ExtractionReason
from domain.shared.errors import FastOpsError, Unavailable

GRACE_SECONDS = 2.0
"""The child ends its reader by itself at the wall limit; the parent waits this much longer before it does so."""

REASONS = {
    **{code: reason for reason, code in EXIT_CODES.items()},
    -signal.SIGALRM: ExtractionReason.TOO_SLOW,
    -signal.SIGXCPU: ExtractionReason.TOO_SLOW,
}


class GuardedExtractor:
    """Implements Extractor with at most `processes` children, started when first needed and kept for further files.

    `command` starts a child that speaks the protocol of `messages`.
    """

    def __init__(self, *, processes: int = 2, limits: Limits | None = None, command: Sequence[str] = COMMAND) -> None:
        self._limits = limits or Limits()
        self._command = command
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="extraction")
        self._lock = threading.Lock()
        self._idle: list[ChildProcess] = []
        self._busy: set[ChildProcess] = set()
        self._closed = False

    async def extract(self, source: Path, *, media_type: str | None, file_name: str | None) -> Extract:
        if self._closed:
            raise _unavailable()
        request = self._request(source, Hints(media_type, file_name))
        errand = _Errand()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, request, errand)
        except asyncio.CancelledError:
            errand.cancel()
            raise

    async def close(self) -> None:
        with self._lock:
            self._closed = True
            busy, idle = list(self._busy), self._idle
            self._idle = []
        for child in busy:
            child.kill()
        for child in idle:
            child.end()
        await asyncio.to_thread(self._threads.shutdown)

    def _request(self, source: Path, hints: Hints) -> Request:
        return Request(str(source.absolute()), hints, self._limits)

    def _read(self, request: Request, errand: "_Errand") -> Extract:
        child = self._take()
        usable = False
        try:
            errand.begin(child)
            answer = child.ask(
                request.encode(),
                seconds=request.limits.wall_seconds + GRACE_SECONDS,
                most_bytes=request.limits.memory_bytes,
            )
            usable = True
            return parse_extract(*answer)
        except Garbled as trouble:
            usable = False
            raise ExtractionFailed(ExtractionReason.CRASHED) from trouble
        except TimedOut as trouble:
            raise ExtractionFailed(ExtractionReason.TOO_SLOW) from trouble
        except Gone as trouble:
            raise _refusal(trouble.exit_code) from trouble
        except SourceUnreadable as trouble:
            raise _unavailable() from trouble
        finally:
            errand.finish()
            self._give_back(child, usable)

    def _take(self) -> ChildProcess:
        with self._lock:
            child = self._idle.pop() if self._idle else None
        if child is not None and not child.alive:
            child.end()
            child = None
        try:
            child = child or ChildProcess(self._command)
        except NotStarted as trouble:
            raise _unavailable() from trouble
        with self._lock:
            self._busy.add(child)
            if self._closed:
                child.kill()
        return child

    def _give_back(self, child: ChildProcess, usable: bool) -> None:
        with self._lock:
            self._busy.discard(child)
            kept = usable and not self._closed
            if kept:
                self._idle.append(child)
        if not kept:
            child.end()


class _Errand:
    """Which child is at work for one caller, so that a caller who goes away ends that child and no other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: ChildProcess | None = None
        self._cancelled = False

    def begin(self, child: ChildProcess) -> None:
        with self._lock:
            self._child = child
            if self._cancelled:
                child.kill()

    def finish(self) -> None:
        with self._lock:
            self._child = None

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            if self._child is not None:
                self._child.kill()


def _refusal(exit_code: int) -> FastOpsError:
    """What a child says with its end is about the file; one that was ended from outside says nothing about it."""
    reason = REASONS.get(exit_code)
    return _unavailable() if reason is None else ExtractionFailed(reason)


def _unavailable() -> Unavailable:
    return Unavailable(
        "extraction_unavailable", "No reader for files is at hand at the moment; try again.", retry_after=5
    )
