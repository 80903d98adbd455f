"""A service in a process of its own for the runs that load one, with an account to load it by."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.search_http import free_port
from tests.wire import Dropped, Wire

FASTOPS = Path(sys.executable).with_name("fastops")
EMAIL, PASSWORD = "admin@example.com", "a password for measuring only"
FORM = {"content-type": "application/x-www-form-urlencoded"}


class Service:
    """`fastops serve` on a data directory of its own or of several; its log goes nowhere."""

    def __init__(self, data_dir: Path, port: int | None = None, **settings: str) -> None:
        self.port = port or free_port()
        self._env = os.environ | {"DATA_DIR": str(data_dir), "PORT": str(self.port), **settings}
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        quiet = subprocess.DEVNULL
        return subprocess.Popen([FASTOPS, "serve"], env=self._env, stdin=quiet, stdout=quiet, stderr=quiet)

    async def ready(self) -> None:
        wire = Wire(self.port)
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"the service ended with {self.process.returncode}")
            try:
                if (await wire.request("GET", "/readyz")).status == 200:
                    break
            except (OSError, Dropped):
                pass
            await asyncio.sleep(0.05)
        await wire.close()

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return await asyncio.to_thread(self.process.wait, 120)

    async def restart(self) -> None:
        """Stop in order, and begin again on the same port."""
        await self.stop()
        self.process = self._start()
        await self.ready()


def prepare(data_dir: Path, **settings: str) -> None:
    """Make an installation with one administrator, and nothing to ingest that would disturb a measurement."""
    env = os.environ | {"DATA_DIR": str(data_dir), **settings}
    user = ["user", "create", "--email", EMAIL, "--name", "Bench", "--role", "admin", "--password-stdin"]
    for arguments in (["db", "upgrade"], user):
        given = f"{PASSWORD}\n".encode()
        subprocess.run([FASTOPS, *arguments], env=env, input=given, check=True, capture_output=True)


def sign_in_form(email: str = EMAIL, password: str = PASSWORD) -> bytes:
    return urlencode({"grant_type": "password", "username": email, "password": password}).encode()


async def bearer(port: int) -> dict[str, str]:
    """The field of a signed-in administrator."""
    wire = Wire(port)
    reply = await wire.request("POST", "/api/v1/auth/token", FORM, sign_in_form())
    await wire.close()
    return {"authorization": f"Bearer {reply.json['access_token']}"}


def percentile(seconds: Sequence[float], share: float) -> float:
    """In milliseconds."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


async def read_steadily(
    port: int, authority: dict[str, str], until: asyncio.Event, *, per_second: float = 50, connections: int = 10
) -> list[float]:
    """GET /api/v1/me at a steady rate; seconds from when each was due, so that a stall counts for all it delays."""
    loop = asyncio.get_running_loop()
    begun, period, seconds = loop.time(), connections / per_second, list[float]()

    async def read(number: int) -> None:
        wire, due = Wire(port), begun + number / per_second
        while not until.is_set():
            await asyncio.sleep(max(0.0, due - loop.time()))
            reply = await wire.request("GET", "/api/v1/me", authority)
            if reply.status != 200:
                raise RuntimeError(f"answered {reply.status}")
            seconds.append(loop.time() - due)
            due += period
        await wire.close()

    await asyncio.gather(*(read(number) for number in range(connections)))
    return seconds
