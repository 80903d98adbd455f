"""The three databases that migrations run on, without any table."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import mariadb, postgres


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def empty_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    with _empty(backend, request, tmp_path / "fastops.db") as url:
        yield url


@pytest.fixture
def second_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Another one on the same server."""
    with _empty(backend, request, tmp_path / "second.db") as url:
        yield url


@contextmanager
def _empty(backend: str, request: pytest.FixtureRequest, file: Path) -> Iterator[str]:
    if backend == "sqlite":
        yield f"sqlite:///{file}"
    elif backend == "postgres":
        with postgres.cloned_database(request.getfixturevalue("postgres_base"), "template0") as url:
            yield url
    else:
        with mariadb.empty_database(request.getfixturevalue("mariadb_base")) as url:
            yield url
