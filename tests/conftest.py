"""What the whole suite shares: the four stores, each empty and migrated for every test, Redis, and the codes it met."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_asyncio
import redis

from adapters.persistence.sqlalchemy import migrations
from entrypoints.http import direct
from tests import mariadb, postgres
from tests.reached_codes import ReachedCodes
from tests.redis_server import RedisServer, redis_for_all, redis_server
from tests.stores import Store, memory_store, server_store, sqlite_store

T = TypeVar("T")


def pytest_addoption(parser: pytest.Parser) -> None:
    ways = {"choices": ("direct", "fastapi"), "default": "direct"}
    parser.addoption("--solver", help="Who carries out routes in the tests of HTTP.", **ways)


def pytest_configure(config: pytest.Config) -> None:
    direct.DIRECT = config.getoption("--solver") == "direct"
    config.pluginmanager.register(ReachedCodes(config))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file without rows."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrations.upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_file(sqlite_template: Path, tmp_path: Path) -> Path:
    file = tmp_path / "fastops.db"
    shutil.copy(sqlite_template, file)
    return file


@contextmanager
def needed(part: AbstractContextManager[T]) -> Iterator[T]:
    """A part that tests need; where it is missing they are skipped and say which it is, in the build they fail."""
    with ExitStack() as stack:
        try:
            yield stack.enter_context(part)
        except LookupError as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres_base() -> Iterator[str]:
    """A running server with the migrated template."""
    with needed(postgres.postgres_server()) as server:
        postgres.migrated_template(server)
        yield server


@pytest.fixture
def postgres_url(postgres_base: str) -> Iterator[str]:
    with postgres.cloned_database(postgres_base) as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_base() -> Iterator[str]:
    """A running server."""
    with needed(mariadb.mariadb_server()) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_migrated(mariadb_base: str) -> Iterator[mariadb.Migrated]:
    """The one migrated database that the tests of this process share."""
    with mariadb.migrated_database(mariadb_base) as database:
        yield database


@pytest.fixture
def mariadb_url(mariadb_migrated: mariadb.Migrated) -> Iterator[str]:
    yield mariadb_migrated.url
    mariadb_migrated.empty()


@pytest.fixture(scope="session")
def redis_base() -> Iterator[str]:
    """A running Redis for tests that do it no harm."""
    with needed(redis_for_all()) as url:
        yield url


@pytest.fixture
def redis_url(redis_base: str) -> str:
    """Redis without keys."""
    with redis.Redis.from_url(redis_base) as client:
        client.flushdb()
    return redis_base


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis that a test may kill, stop and start."""
    with needed(redis_server()) as server:
        yield server


@pytest_asyncio.fixture(params=["memory", "sqlite", "postgres", "mariadb"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Every contract test of persistence runs on each of these."""
    if request.param == "memory":
        yield memory_store()
    elif request.param == "sqlite":
        async with sqlite_store(request.getfixturevalue("sqlite_file")) as opened:
            yield opened
    else:
        async with server_store(request.param, request.getfixturevalue(f"{request.param}_url")) as opened:
            yield opened
