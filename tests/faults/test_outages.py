"""A PostgreSQL that restarts or hangs under a running service: refused in time, and as before once it is back."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.cli.serving import Serving, serving
from tests.conftest import needed
from tests.outages import Crowd, Told, crowd_at
from tests.postgres_cluster import Cluster, private_cluster
from tests.waiting import until

EMAIL, PASSWORD = "ada@example.com", "seven green tractors at dawn"
CLIENTS = 40
FINE = {200, 201}
HANGING_SECONDS = 10.0
"""Twice what is promised, because a test asserts no times; `benchmarks/outages.py` measures them."""
QUIET = {"RATE_LIMITS": "off", "LOG_LEVEL": "ERROR"}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with needed(private_cluster()) as running:
        yield running


@pytest.fixture
def service(cluster: Cluster, tmp_path: Path) -> Iterator[Serving]:
    """A service in a process of its own with one administrator."""
    bare = Terminal(tmp_path)
    key = bare.done("keys", "make-master").out.strip()
    bare.environment |= {"DATABASE_URL": f"{cluster.url}/postgres", "MASTER_KEY": key}
    bare.done("db", "upgrade")
    arguments = ("--email", EMAIL, "--name", "Ada", "--role", "admin", "--password-stdin")
    bare.done("user", "create", *arguments, stdin=PASSWORD + "\n")
    with serving(bare, **QUIET) as running:
        yield running


def crowd_of(service: Serving) -> AbstractAsyncContextManager[Crowd]:
    authority = {"authorization": f"Bearer {service.sign_in(EMAIL, PASSWORD)}"}
    return crowd_at(service.port, authority, {"username": EMAIL, "password": PASSWORD}, CLIENTS)


async def some_more(crowd: Crowd, fits: Callable[[Told], bool] = lambda _: True, count: int = 100) -> None:
    """Wait for further answers, to questions that are asked from now on."""
    now = time.monotonic()
    await until(lambda: sum(fits(told) for told in crowd.since(now)) >= count)


def is_fine(told: Told) -> bool:
    return told.reply.status in FINE


def assert_only_refused(crowd: Crowd) -> None:
    """Everything was answered well, or told to come again."""
    for told in crowd.told:
        assert is_fine(told) or told.reply.status == 503, (told.what, told.reply)
        assert is_fine(told) or "retry-after" in told.reply.fields or told.what == "/readyz", (told.what, told.reply)
    assert all(is_fine(told) for told in crowd.told if told.what == "/livez")


async def test_a_restart_is_seen_as_503_alone_and_is_over_by_itself(service: Serving, cluster: Cluster) -> None:
    async with crowd_of(service) as crowd:
        await some_more(crowd, is_fine)
        await asyncio.to_thread(cluster.stop)
        await some_more(crowd, lambda told: not is_fine(told))
        await asyncio.to_thread(cluster.start)
        await some_more(crowd, is_fine, 200)
    assert_only_refused(crowd)
    refused = {told.what for told in crowd.told if not is_fine(told)}
    assert refused >= {"me", "list", "create", "/readyz"}


async def test_a_server_that_hangs_is_not_waited_for(service: Serving, cluster: Cluster) -> None:
    async with crowd_of(service) as crowd:
        await some_more(crowd, is_fine)
        cluster.suspend()
        await some_more(crowd, lambda told: told.what == "/readyz" and not is_fine(told), 3)
        await some_more(crowd, lambda told: told.what == "create" and not is_fine(told), 3)
        cluster.resume()
        await some_more(crowd, is_fine, 200)
    assert_only_refused(crowd)
    slowest = max(crowd.told, key=lambda told: told.answered - told.asked)
    assert slowest.answered - slowest.asked < HANGING_SECONDS, slowest
