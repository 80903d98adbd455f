"""Reads of others while 400 people sign in at once, against the same reads before: times, memory, who got in.

    python -m benchmarks.sign_in_storm [--callers 400] [--seconds 15] [--limits off|on]

Each caller signs in to an account of its own, waits as Retry-After says when it is turned away, and begins again.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path

from dependency_injector.providers import Object

from adapters.security.passwords import Argon2Passwords
from benchmarks.search_http import resident_mib
from benchmarks.service import FORM, PASSWORD, Service, bearer, percentile, prepare, read_steadily, sign_in_form
from domain.shared.actor import system_actor
from entrypoints.settings.settings import load_settings
from entrypoints.wiring.container import build_container
from entrypoints.wiring.lifecycle import Extent, running
from tests.wire import Wire


class OneHash:
    """Gives every account the same hash, for making many of them quickly."""

    def __init__(self, password_hash: str) -> None:
        self._hash = password_hash

    async def hash(self, password: str) -> str:  # noqa: ARG002 (the port has it)
        return self._hash

    def close(self) -> None:
        """Holds nothing."""


async def make_accounts(data_dir: Path, count: int) -> None:
    container = build_container(load_settings(None, data_dir=data_dir))
    real = Argon2Passwords()
    container.security.passwords.override(Object(OneHash(await real.hash(PASSWORD))))
    real.close()
    async with running(container, Extent.STORE):
        users, actor = container.identity.users(), system_actor("bench")
        for number in range(count):
            await users.create(actor, name=f"U{number}", email=f"u{number}@example.com", password=PASSWORD)


async def keep_signing_in(port: int, number: int, until: asyncio.Event, outcomes: Counter[str]) -> None:
    wire, form = Wire(port), sign_in_form(f"u{number}@example.com")
    while not until.is_set():
        reply = await wire.request("POST", "/api/v1/auth/token", FORM, form)
        outcomes["in" if reply.status == 200 else f"{reply.status} {reply.json['code']}"] += 1
        if reply.status != 200:
            await asyncio.sleep(float(reply.fields["retry-after"]))
    await wire.close()


async def storm(port: int, callers: int, seconds: float) -> None:
    """All callers at once for a while; prints what was answered."""
    ended, outcomes = asyncio.Event(), Counter[str]()
    asyncio.get_running_loop().call_later(seconds, ended.set)
    await asyncio.gather(*(keep_signing_in(port, number, ended, outcomes) for number in range(callers)))
    print(f"  sign-ins: {dict(outcomes)}", flush=True)


async def watch_memory(pid: int, until: asyncio.Event) -> float:
    most = 0.0
    while not until.is_set():
        most = max(most, resident_mib(pid))
        await asyncio.sleep(0.05)
    return most


async def phase(service: Service, authority: dict[str, str], callers: int, seconds: float) -> float:
    """Read for a while beside so many callers; prints the figures and gives the greatest resident memory."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.call_later(seconds, ended.set)
    reading = asyncio.create_task(read_steadily(service.port, authority, ended))
    memory = asyncio.create_task(watch_memory(service.process.pid, ended))
    command = [sys.executable, "-m", "benchmarks.sign_in_storm", "--storm-on", str(service.port)]
    command += ["--callers", str(callers), "--seconds", str(seconds - 1)]
    crowd = await asyncio.create_subprocess_exec(*command)  # on its own, or it would hold up the reads itself
    times = await reading
    await crowd.wait()
    figures = ", ".join(f"p{share * 100:g} {percentile(times, share):.1f} ms" for share in (0.5, 0.99, 0.999))
    print(f"{callers} callers: {len(times)} reads, {figures}, resident {await memory:.0f} MiB", flush=True)
    return await memory


async def measure(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="fastops-storm-") as folder:
        data_dir = Path(folder) / "var"
        prepare(data_dir)
        await make_accounts(data_dir, options.callers)
        service = Service(data_dir, RATE_LIMITS=options.limits)
        try:
            await service.ready()
            authority = await bearer(service.port)
            await asyncio.sleep(3)  # the model is still being loaded
            before = await phase(service, authority, 0, options.seconds)
            during = await phase(service, authority, options.callers, options.seconds)
            print(f"memory + {during - before:.0f} MiB")
        finally:
            await service.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description="Read while many sign in.")
    parser.add_argument("--callers", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--limits", choices=["off", "on"], default="off")
    parser.add_argument("--storm-on", type=int, metavar="PORT", help="only the storm, against a service that runs")
    options = parser.parse_args()
    if options.storm_on:
        asyncio.run(storm(options.storm_on, options.callers, options.seconds))
    else:
        asyncio.run(measure(options))


if __name__ == "__main__":
    main()
