"""Services for the tests of HTTP: one in memory, and one on each store where that matters.

`service` and `stored` are new for each test; `shared` and `on_each_store` last for a module, whose tests say
`pytestmark = pytest.mark.asyncio(loop_scope="module")`.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests import postgres
from tests.http.service import Service, a_service, memory_settings, postgres_settings, sqlite_settings


@pytest_asyncio.fixture
async def service() -> AsyncIterator[Service]:
    """In memory, for promises that no store has a part in."""
    async with a_service(memory_settings()) as running:
        yield running


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def stored(request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    """On each embedded store."""
    if request.param == "memory":
        settings = memory_settings()
    else:
        settings = sqlite_settings(request.getfixturevalue("sqlite_file"))
    async with a_service(settings) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Service]:
    """In memory, for sweeps over all routes."""
    async with a_service(memory_settings()) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["memory", "sqlite", "postgres"])
async def on_each_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """On each store, for sweeps over what reaches it."""
    with ExitStack() as stack:
        folder: Path = tmp_path_factory.mktemp(request.param)
        if request.param == "memory":
            settings = memory_settings()
        elif request.param == "sqlite":
            file = shutil.copy(request.getfixturevalue("sqlite_template"), folder / "fastops.db")
            settings = sqlite_settings(file)
        else:
            url = stack.enter_context(postgres.cloned_database(request.getfixturevalue("postgres_base")))
            settings = postgres_settings(url, folder)
        async with a_service(settings) as running:
            yield running
