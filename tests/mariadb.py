"""A real MariaDB for tests: the one in TEST_MARIADB_URL, else a private server from the system's package.

Tests of one process share a migrated database that is emptied between them, which takes milliseconds.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pymysql
from sqlalchemy.engine import make_url

from adapters.persistence.sqlalchemy import migrations
from adapters.persistence.sqlalchemy.tables.base import metadata
from tests.processes import free_port, unprivileged

QUICK = [
    "--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0", "--innodb-log-file-size=16M",
    "--innodb-file-per-table=0", "--skip-name-resolve",
]  # fmt: skip
SBIN = "/usr/sbin:/usr/local/sbin"


def binary(name: str) -> str | None:
    """A program of the server; packages put it where ordinary accounts do not look."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SBIN}")


@contextmanager
def mariadb_server(*options: str) -> Iterator[str]:
    """Run a server for a while; gives a URL without a database name at its end, of an account that may do anything.

    A server with `options` is always a private one.
    """
    given = os.environ.get("TEST_MARIADB_URL")
    if given and not options:
        yield given.rstrip("/")
        return
    install, server = binary("mariadb-install-db"), binary("mariadbd")
    if install is None or server is None:
        raise LookupError("no MariaDB: install the package mariadb-server or set TEST_MARIADB_URL")
    home = Path(tempfile.mkdtemp(prefix="fastops-mariadb-"))
    identity, data, port = unprivileged(home), home / "data", free_port()
    make = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run([*make, *QUICK], check=True, capture_output=True, cwd=home, **identity)  # type: ignore[call-overload]
    place = [f"--datadir={data}", f"--socket={home / 's.sock'}", "--bind-address=127.0.0.1", f"--port={port}"]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(  # type: ignore[call-overload]
            [server, "--no-defaults", *place, *QUICK, *options], stdout=log, stderr=log, cwd=home, **identity
        )
    try:
        url = f"mysql://root@127.0.0.1:{port}"
        _wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def empty_database(server: str) -> Iterator[str]:
    """A database of its own, without any table; gives its URL."""
    name = f"test_{uuid4().hex}"
    run(server, f"CREATE DATABASE {name}")
    try:
        yield f"{server}/{name}"
    finally:
        run(server, f"DROP DATABASE {name}")


@dataclass(frozen=True)
class Migrated:
    """A database at the newest revision; `made` are the tables to which the migrations gave rows."""

    url: str
    made: frozenset[str]

    def empty(self) -> None:
        """Take all rows away, but for those of the migrations."""
        tables = [table.name for table in metadata.sorted_tables if table.name not in self.made]
        run(self.url, "SET foreign_key_checks = 0", *(f"DELETE FROM `{name}`" for name in tables))


@contextmanager
def migrated_database(server: str) -> Iterator[Migrated]:
    with empty_database(server) as url:
        migrations.upgrade(url)
        yield Migrated(url, frozenset(t.name for t in metadata.sorted_tables if run(url, f"SELECT 1 FROM `{t.name}`")))


def run(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Carry out statements one after the other; gives the rows of the last."""
    place = make_url(url)
    connection = pymysql.connect(
        host=place.host or "127.0.0.1",
        port=place.port or 3306,
        user=place.username,
        password=place.password or "",
        database=place.database,
        autocommit=True,
    )
    with connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall())


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(400):
        if process.poll() is not None:
            raise RuntimeError("MariaDB ended while starting")
        try:
            run(url, "SELECT 1")
        except pymysql.err.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("MariaDB did not start within 20 s")
