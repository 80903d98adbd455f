"""Fixtures of the whole suite: the three stores, each empty and migrated for every test."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.persistence.sqlalchemy import migrations
from tests import postgres
from tests.stores import Store, memory_store, postgres_store, sqlite_store


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


@pytest.fixture(scope="session")
def postgres_base() -> Iterator[str]:
    """A running server with the migrated template; where there is none, its tests say which part is missing."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(postgres.postgres_server())
        except LookupError as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(error))
        postgres.migrated_template(server)
        yield server


@pytest.fixture
def postgres_url(postgres_base: str) -> Iterator[str]:
    with postgres.cloned_database(postgres_base) as url:
        yield url


@pytest_asyncio.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Every contract test of persistence runs on each of these."""
    if request.param == "memory":
        yield memory_store()
    elif request.param == "sqlite":
        async with sqlite_store(request.getfixturevalue("sqlite_file")) as opened:
            yield opened
    else:
        async with postgres_store(request.getfixturevalue("postgres_url")) as opened:
            yield opened
