"""The ingest process: works off queued documents and ends after a while without any, or with its parent."""

import asyncio
import fcntl
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from entrypoints.wiring.process import begin_loading, die_with_parent, end_loading, limit_threads

if TYPE_CHECKING:
    from entrypoints.settings.settings import Settings

IDLE_SECONDS = 30.0
LOCK_SECONDS = 20.0


def main() -> None:
    """Run until idle, until stdin ends or until the parent, whose process id is the one argument, is gone."""
    limit_threads()
    begin_loading()
    die_with_parent(int(sys.argv[1]))
    _leave_signals_to_the_parent()
    from adapters.telemetry.logging import configure_logging
    from entrypoints.settings.settings import load_settings

    settings = load_settings(env_file=None)
    configure_logging(settings.service.log_level, settings.service.log_format)
    with _only_one(settings.service.data_dir):
        asyncio.run(_work(settings))


def _leave_signals_to_the_parent() -> None:
    """Terminals and service managers signal all processes; this one hands back what it holds when its stdin ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # ignored signals would be ignored by extraction's processes too


async def _work(settings: "Settings") -> None:
    from entrypoints.wiring.container import build_container
    from entrypoints.wiring.lifecycle import Extent, running
    from entrypoints.worker.jobs import LOOK_EVERY, IngestWorker, worker_name

    parent_gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), parent_gone.set)
    container = build_container(settings)
    async with running(container, Extent.STORE):
        end_loading()
        queue, clock = container.persistence.job_queue(), container.persistence.clock()
        worker = IngestWorker(queue, clock, container.knowledge.ingest().run, worker_name(settings.service.data_dir))
        await queue.let_go(worker.worker)
        last_work = time.monotonic()
        while not parent_gone.is_set() and time.monotonic() - last_work < IDLE_SECONDS:
            if await worker.step():
                last_work = time.monotonic()
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(parent_gone.wait(), LOOK_EVERY)


@contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Hold the lock of the data directory's ingest process; a predecessor that is just ending is waited for."""
    with (data_dir / "ingest.lock").open("a") as file:
        give_up_at = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up_at:
                    raise SystemExit(0) from None
                time.sleep(0.1)
        yield


if __name__ == "__main__":
    main()
