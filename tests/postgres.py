"""A real PostgreSQL for tests: the one in TEST_POSTGRES_URL, else a private server from the binaries of a wheel.

Each test gets a database of its own, cloned from a migrated template.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import asyncpg

from adapters.persistence.sqlalchemy import migrations
from tests.postgres_cluster import private_cluster
from tests.processes import in_a_loop

TEMPLATE = "fastops_template"


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a server for a while; gives a URL without a database name at its end."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield given.rstrip("/")
        return
    with private_cluster() as cluster:
        yield cluster.url


def migrated_template(server: str) -> None:
    """Make the template database once, migrated to head."""
    in_a_loop(_execute(server, f'CREATE DATABASE "{TEMPLATE}"'))
    migrations.upgrade(f"{server}/{TEMPLATE}")


@contextmanager
def cloned_database(server: str, template: str = TEMPLATE) -> Iterator[str]:
    """A database of its own for one test; gives its URL."""
    name = f"test_{uuid4().hex}"
    in_a_loop(_execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    try:
        yield f"{server}/{name}"
    finally:
        in_a_loop(_execute(server, f'DROP DATABASE "{name}" WITH (FORCE)'))


async def _execute(server: str, statement: str) -> None:
    connection = await asyncpg.connect(f"{server}/postgres")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
