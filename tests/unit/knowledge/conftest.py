"""Knowledge on the memory store."""

import pytest

from domain.shared.actor import Actor
from tests.knowledge_services import Library
from tests.stores import memory_store


@pytest.fixture
def library() -> Library:
    return Library(memory_store())


@pytest.fixture
def ada(library: Library) -> Actor:
    return library.person()


@pytest.fixture
def eve(library: Library) -> Actor:
    return library.person()
