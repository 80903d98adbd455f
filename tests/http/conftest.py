"""Services for the tests of HTTP: one in memory, and one on each embedded store where that matters."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.http.service import Service, a_service, memory_settings, sqlite_settings


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
