"""Fixtures of the contract suites: the places where limits are counted."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.counts import Counting, counting


@pytest_asyncio.fixture(params=["memory", "redis"])
async def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Counting]:
    """Every contract test of limits runs on each of these."""
    url = request.getfixturevalue("redis_url") if request.param == "redis" else None
    async with counting(url, monkeypatch) as opened:
        yield opened
