"""Working off parts of a list a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

Progress = Callable[[int], None]


async def in_lanes(
    parts: Iterable[range], lanes: int, work: Callable[[range], Awaitable[None]], progress: Progress | None
) -> None:
    """Do `work` for every part, at most `lanes` at a time; `progress` is told how many items are done.

    The first failure ends the rest and is raised. Cancelling ends all that has not begun.
    """
    waiting, done = iter(parts), 0

    async def lane() -> None:
        nonlocal done
        for part in waiting:
            await work(part)
            done += len(part)
            if progress is not None:
                progress(done)

    tasks = [asyncio.ensure_future(lane()) for _ in range(lanes)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
