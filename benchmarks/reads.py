"""Authenticated reads on PostgreSQL against the bare program, in turn, in one run.

    python -m benchmarks.reads [--rounds 5] [--seconds 3] [--path /api/v1/me | --one-user | --list] [--api-key]

The servers are pinned to one core, the load and the database share the other. Both sides verify the token each time;
the second table lets both remember verified tokens. Logs, metrics and rate limits of the service are on. With
`--api-key` the service is asked with a key, the bare program still with a token.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import uvloop

from benchmarks.load import Measured, load
from benchmarks.search_http import free_port
from domain.identity.roles import ADMIN
from domain.shared.actor import system_actor
from entrypoints.settings.settings import load_settings
from entrypoints.wiring.container import build_container
from entrypoints.wiring.lifecycle import Extent, running
from tests import postgres

PASSWORD = "a password for measuring only"
EMAIL = "bench@example.com"
LISTED = 120
LIST = "/api/v1/users?limit=100"
SERVICE_CORE, OTHER_CORE = 0, 1


def environment(url: str, folder: Path) -> dict[str, str]:
    settings = {"DATABASE_URL": url, "DATA_DIR": str(folder), "MASTER_KEY": b64encode(bytes(range(32))).decode()}
    return os.environ | settings | {"LOG_FORMAT": "json", "RATE_LIMIT_CALLER": "100000"}


@contextmanager
def started(command: list[str], env: dict[str, str], port: int, path: str) -> Iterator[int]:
    """A server on one core, ready; gives its process id."""
    with (Path(env["DATA_DIR"]) / f"{port}.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, *command], env=env, stdout=log, stderr=log)
    os.sched_setaffinity(process.pid, {SERVICE_CORE})
    try:
        _wait(f"http://127.0.0.1:{port}{path}")
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def _wait(url: str) -> None:
    for _ in range(300):
        with suppress(httpx2.TransportError):
            if httpx2.get(url).status_code < 500:
                return
        time.sleep(0.1)
    raise TimeoutError(url)


async def make_user(settings_env: dict[str, str]) -> None:
    os.environ.update({name: settings_env[name] for name in ("DATABASE_URL", "DATA_DIR", "MASTER_KEY")})
    container = build_container(load_settings(None))
    async with running(container, Extent.STORE):
        roles = frozenset({ADMIN.name})
        users = container.identity.users()
        actor = system_actor("bench")
        await users.create(actor, name="Bench", email=EMAIL, password=PASSWORD, roles=roles)
        for number in range(LISTED):
            await users.create(actor, name=f"Bench {number}", email=f"bench{number}@example.com", password=None)


def asked(port: int, token: str, options: argparse.Namespace) -> tuple[str, str]:
    """The path that the service is asked for, and the credential that it is asked with."""
    client = httpx2.Client(
        base_url=f"http://127.0.0.1:{port}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60
    )
    with client:
        path: str = LIST if options.list else options.path
        if options.one_user:
            path = f"/api/v1/users/{client.get('/me').json()['id']}"
        if not options.api_key:
            return path, token
        return path, client.post("/api-keys", json={"name": "bench", "scopes": ["users:read"]}).json()["secret"]


def sign_in(port: int) -> tuple[str, str]:
    """An access token, and the public key that it is checked with."""
    form = {"grant_type": "password", "username": EMAIL, "password": PASSWORD}
    token = httpx2.post(f"http://127.0.0.1:{port}/api/v1/auth/token", data=form, timeout=60).json()["access_token"]
    keys = httpx2.get(f"http://127.0.0.1:{port}/.well-known/jwks.json").json()["keys"]
    kid = json.loads(urlsafe_b64decode(token.partition(".")[0] + "=="))["kid"]
    return token, json.dumps(next(key for key in keys if key["kid"] == kid))


@dataclass(frozen=True)
class Server:
    """One side of the comparison."""

    pid: int
    port: int
    path: str

    def measured(self, token: str, seconds: float) -> tuple[Measured, float]:
        """What the load saw, and the processor time of the server for each answer in microseconds."""
        before = self.processor_seconds()
        result = uvloop.run(load(self.port, self.path, token, seconds=seconds))
        return result, (self.processor_seconds() - before) / (result.rate * seconds) * 1e6

    def processor_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compare(env: dict[str, str], url: str, options: argparse.Namespace, *, cached: bool) -> None:
    ours, bare = free_port(), free_port()
    remember = ["--cache"] if cached else []
    with ExitStack() as stack:
        service = ["-m", "benchmarks.baselines.service", str(ours), *remember]
        pid = stack.enter_context(started(service, env, ours, "/readyz"))
        token, key = sign_in(ours)
        path, credential = asked(ours, token, options)
        mine = Server(pid, ours, path)
        program = ["-m", "benchmarks.baselines.bare_reads", str(bare), url, key, *remember]
        limit = Server(
            stack.enter_context(started(program, env, bare, "/")), bare, LIST if options.list else "/api/v1/me"
        )
        rounds = [
            (limit.measured(token, options.seconds), mine.measured(credential, options.seconds))
            for _ in range(options.rounds)
        ]
    for (theirs, their_cpu), (answers, cpu) in rounds:
        print(f"  bare    {theirs.rate:6.0f}/s {their_cpu:5.0f} us p99 {theirs.p99:5.1f} ms")
        print(f"  fastops {answers.rate:6.0f}/s {cpu:5.0f} us p99 {answers.p99:5.1f} ms")
    rates = [answers.rate / theirs.rate for (theirs, _), (answers, _) in rounds]
    shares = [their_cpu / cpu for (_, their_cpu), (_, cpu) in rounds]
    print(
        f"  median ratio: rate {statistics.median(rates):.2f}, processor time {statistics.median(shares):.2f}",
        flush=True,
    )


def _shown(options: argparse.Namespace) -> str:
    path = LIST if options.list else "/api/v1/users/{id}" if options.one_user else options.path
    return f"{path} by API key" if options.api_key else path


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure authenticated reads against the bare program.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--path", default="/api/v1/me")
    parser.add_argument("--one-user", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--api-key", action="store_true")
    options = parser.parse_args()
    os.sched_setaffinity(0, {OTHER_CORE})
    with tempfile.TemporaryDirectory() as folder, postgres.postgres_server() as server:
        postgres.migrated_template(server)
        with postgres.cloned_database(server) as url:
            env = environment(url, Path(folder))
            asyncio.run(make_user(env))
            for cached in (False, True):
                print(f"GET {_shown(options)}, tokens {'remembered on both sides' if cached else 'verified each time'}")
                compare(env, url, options, cached=cached)


if __name__ == "__main__":
    main()
