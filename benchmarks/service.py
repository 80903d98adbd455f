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

    def set_password(self) -> None:
        """Give the administrator the password of these runs."""
        arguments = [FASTOPS, "user", "reset-password", EMAIL, "--password-stdin"]
        subprocess.run(arguments, env=self._env, input=f"{PASSWORD}\n".encode(), check=True, capture_output=True)


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
