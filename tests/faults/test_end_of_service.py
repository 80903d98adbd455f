"""A service that is told to stop drops nothing that arrived, and restarts one after the other are not noticed."""

import asyncio
import signal
import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.conftest import Terminal
from tests.cli.serving import Serving, serving
from tests.proxy import line_to, proxy_to
from tests.rolling import JSON, Load, names_of_collections
from tests.waiting import until
from tests.wire import Wire

EMAIL, PASSWORD = "ada@example.com", "seven green tractors at dawn"
SETTINGS = {"RATE_LIMITS": "off", "LOG_LEVEL": "WARNING"}


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """An installation with one administrator and nothing to ingest."""
    terminal = Terminal(tmp_path)
    terminal.done("db", "upgrade")
    arguments = ("--email", EMAIL, "--name", "Ada", "--role", "admin", "--password-stdin")
    terminal.done("user", "create", *arguments, stdin=PASSWORD + "\n")
    return terminal


def names_in(data_dir: Path) -> list[str]:
    with sqlite3.connect(data_dir / "fastops.db") as database:
        return [name for (name,) in database.execute("SELECT name FROM collections")]


async def keep_busy(port: int, authority: dict[str, str], made: list[str]) -> None:
    """Ask until an answer is the last one. Raises Dropped where one does not come whole."""
    wire, is_last = Wire(port), False
    while not is_last:
        name = f"c-{uuid4().hex}"
        fields = authority | JSON | {"idempotency-key": name}
        created = await wire.request("POST", "/api/v1/collections", fields, f'{{"name": "{name}"}}'.encode())
        assert created.status == 201
        made.append(name)
        is_last = created.is_last or (await wire.request("GET", "/api/v1/me", authority)).is_last


def authority_of(service: Serving) -> dict[str, str]:
    return {"authorization": f"Bearer {service.sign_in(EMAIL, PASSWORD)}"}


async def test_of_50_busy_connections_none_loses_an_answer(terminal: Terminal) -> None:
    made = list[str]()
    with serving(terminal, **SETTINGS) as service:
        authority = authority_of(service)
        clients = [asyncio.create_task(keep_busy(service.port, authority, made)) for _ in range(50)]
        await until(lambda: len(made) >= 200 or any(client.done() for client in clients))
        assert await asyncio.to_thread(service.stop, signal.SIGTERM) == 0
        await asyncio.gather(*clients)
    kept = names_in(terminal.data_dir)
    assert len(kept) == len(set(kept))
    assert set(made) <= set(kept)


async def test_restarts_one_after_the_other_are_not_noticed(terminal: Terminal) -> None:
    """Behind a proxy that repeats nothing, with some milliseconds between it and the services."""
    settings = SETTINGS | {"DRAIN_SECONDS": "1"}
    async with AsyncExitStack() as stack:

        async def started(port: int | None = None) -> Serving:
            return await asyncio.to_thread(stack.enter_context, serving(terminal, port=port, **settings))

        services = await asyncio.gather(started(), started())
        authority = authority_of(services[0])
        lines = [await stack.enter_async_context(line_to(service.port, 0.003)) for service in services]
        proxy = await stack.enter_async_context(proxy_to(*(line.port for line in lines)))
        await proxy.until_ready(2)
        load, ended = Load(proxy.port, authority, per_second=100), asyncio.Event()
        running = asyncio.create_task(load.run(ended))
        for service in services:
            assert await asyncio.to_thread(service.stop, signal.SIGTERM) == 0
            await started(service.port)
            await proxy.until_ready(2)
        ended.set()
        tally = await running
        kept = await names_of_collections(proxy.port, authority)
    assert tally.failed == {}
    assert sorted(tally.made) == sorted(kept)
