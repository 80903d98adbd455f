"""Waiting for what another task, thread or process does."""

import asyncio
from collections.abc import Callable

GIVE_UP_SECONDS = 60.0


async def until(condition: Callable[[], object]) -> None:
    """Return when it holds; fails after a minute, so that a test that waits in vain says so."""
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while not condition():  # noqa: ASYNC110 (what is waited for knows of no event)
            await asyncio.sleep(0.01)
