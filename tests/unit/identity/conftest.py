"""Identity on the memory store."""

import pytest_asyncio

from tests.identity_services import Identity, identity_on
from tests.stores import memory_store


@pytest_asyncio.fixture
async def identity() -> Identity:
    return await identity_on(memory_store())
