"""Start and stop of one container's parts: for the service, for one command, for a program that mounts the app."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from enum import Enum
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from adapters.persistence.sqlalchemy import migrations
from domain.shared.errors import Unavailable
from domain.shared.values import new_id
from entrypoints.settings.settings import Settings
from entrypoints.wiring.background import Background, copy_heads
from entrypoints.wiring.installation import install, only_creator, require_database, require_schema
from entrypoints.worker.journal import JournalDuty, keep_once

if TYPE_CHECKING:
    from entrypoints.wiring.container import Container

KEYS_LEASE = "signing-keys"
KEYS_LEASE_SECONDS = 10.0


class Extent(Enum):
    """How much is started: the store; the store and the indexes; or all, with the loops of a service."""

    STORE = "store"
    SEARCH = "search"
    SERVICE = "service"


FirstStart = Callable[["Container"], Awaitable[None]]


@asynccontextmanager
async def running(
    container: "Container", extent: Extent = Extent.SERVICE, first_start: FirstStart | None = None
) -> AsyncIterator[None]:
    """Start what `extent` names; stop it in the opposite order.

    With `first_start`, in development, what is missing is made before, by one process at a time. Otherwise raises
    DatabaseMissing, SchemaMismatch, Conflict (`foreign_database`) and MasterKeyRefused, and leaves everything alone.
    """
    settings = container.settings()
    holder = f"{socket.gethostname()[:50]}:{os.getpid()}:{new_id().hex[-8:]}"
    async with AsyncExitStack() as stack:
        with ExitStack() as creating:
            if first_start is not None and settings.makes_what_is_missing:
                await asyncio.to_thread(creating.enter_context, only_creator(settings))
                await asyncio.to_thread(install, settings)
            await asyncio.to_thread(_require, settings)
            stack.push_async_callback(_close, _to_close(container))
            await _load_keys(container, holder)
            if first_start is not None and settings.makes_what_is_missing:
                await first_start(container)
        await _ask_for_dimension(container, extent)
        duty = JournalDuty(container.persistence.leases(), holder)
        if extent is Extent.SERVICE:
            background = Background(container, duty, holder)
            stack.push_async_callback(background.stop)
            await background.start()
        else:
            stack.push_async_callback(copy_heads, container)
            stack.push_async_callback(keep_once, duty, container.persistence.keeper())
        if extent is Extent.SEARCH:
            await keep_once(duty, container.persistence.keeper())
            await container.knowledge.index_feed().start()
        yield


def _require(settings: Settings) -> None:
    if settings.store != "memory":
        require_database(settings)
        require_schema(migrations.status(settings.database_url))


async def _load_keys(container: "Container", holder: str) -> None:
    """Load the key ring; where there is none yet, one process makes it and the others wait for that."""
    ring, leases, clock = container.security.key_ring(), container.persistence.leases(), container.persistence.clock()
    await ring.refresh()
    while not ring.jwks()["keys"]:
        if await leases.hold(KEYS_LEASE, holder, KEYS_LEASE_SECONDS):
            await ring.ensure(clock.now())
            await leases.release(KEYS_LEASE, holder)
        else:
            await asyncio.sleep(0.1)
            await ring.refresh()


async def _ask_for_dimension(container: "Container", extent: Extent) -> None:
    """The vector index must know how long vectors are; an endpoint with a model of its own has to be asked."""
    embedder = container.retrieval.embedder()
    try:
        assert embedder.dimension
    except Unavailable:
        if extent is Extent.STORE:
            return  # most commands never look at vectors
        await embedder.warm()


async def _close(parts: Sequence[Any]) -> None:
    """Give back threads, connections and child processes."""
    for part in parts:
        ended = part.close()
        if isawaitable(ended):
            await ended


def _to_close(container: "Container") -> list[Any]:
    """The parts that hold something, users before what they use. Until they are used they hold next to nothing."""
    retrieval, settings = container.retrieval, container.settings()
    parts = [retrieval.extractor(), retrieval.executor(), retrieval.ingest_executor(), retrieval.embedder()]
    parts += [container.language.model(), container.security.passwords()]
    if settings.oidc_providers:
        parts.append(container.security.oidc_fetcher())
    if container.limits.place() == "redis":
        parts.append(container.limits.counts())
    return parts if settings.store == "memory" else [*parts, container.persistence.database()]
