"""A service in a process of its own, as `fastops serve` starts it."""

import json
import os
import pty
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.cli.conftest import Terminal
from tests.noted_codes import note
from tests.processes import free_port

READY_SECONDS = 60


@dataclass
class Answer:
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Serving:
    """One run of the service. On a terminal its stderr is a pseudo-terminal, else a pipe."""

    def __init__(self, terminal: Terminal, *, on_terminal: bool = False, port: int | None = None, **more: str) -> None:
        self.port = port or free_port()
        self._text = bytearray()
        reading, writing = pty.openpty() if on_terminal else os.pipe()
        self.process = subprocess.Popen(
            terminal.command("serve", "--port", str(self.port)),
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            cwd=terminal.folder,
            env=terminal.env(**{"RATE_LIMITS": "off"} | more),
        )
        os.close(writing)
        self._reader = threading.Thread(target=self._read, args=(reading,), daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        return self._text.decode(errors="replace")

    def wait_ready(self) -> "Serving":
        give_up = time.monotonic() + READY_SECONDS
        while time.monotonic() < give_up:
            assert self.process.poll() is None, self.output
            try:
                if self.get("/readyz").status == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready: {self.output}")

    def get(self, path: str, token: str | None = None) -> Answer:
        return self._ask(urllib.request.Request(self._url(path), headers=_bearer(token)))

    def post(self, path: str, content: object, token: str | None = None, key: str | None = None) -> Answer:
        headers = {"Content-Type": "application/json", **_bearer(token), **({"Idempotency-Key": key} if key else {})}
        return self._ask(urllib.request.Request(self._url(path), json.dumps(content).encode(), headers))

    def send(self, path: str, content: bytes, headers: dict[str, str]) -> Answer:
        """POST whatever content."""
        return self._ask(urllib.request.Request(self._url(path), content, headers))

    def sign_in(self, email: str, password: str) -> str:
        form = urllib.parse.urlencode({"grant_type": "password", "username": email, "password": password}).encode()
        answer = self._ask(urllib.request.Request(self._url("/api/v1/auth/token"), form))
        assert answer.status == 200, answer.body
        return str(answer.json["access_token"])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        code = self.process.wait(60)
        self._reader.join(10)
        return code

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def _ask(self, request: urllib.request.Request) -> Answer:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Answer(answer.status, answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                content = refused.read()
                note(content)
                return Answer(refused.code, content)

    def _read(self, handle: int) -> None:
        while True:
            try:
                part = os.read(handle, 65536)
            except OSError:  # a pseudo-terminal ends with EIO
                break
            if not part:
                break
            self._text += part
        os.close(handle)


@contextmanager
def serving(terminal: Terminal, *, on_terminal: bool = False, **more: str) -> Iterator[Serving]:
    """A ready service that is stopped afterwards, whatever happens."""
    with ended(Serving(terminal, on_terminal=on_terminal, **more)) as service:
        yield service.wait_ready()


@contextmanager
def ended(service: Serving) -> Iterator[Serving]:
    """One that was started, and that is stopped afterwards."""
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.process.kill()
            service.process.wait(30)


def _bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
