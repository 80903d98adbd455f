"""Whether the time of an answer tells who has an account: sign-ins, resets, registrations, known and unknown in turn.

    python -m benchmarks.account_timing [--rounds 200]

Prints both medians of each and how far they are apart; ends with 1 where that is 5 % or more.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.service import EMAIL, FORM, Service, prepare, sign_in_form
from tests.wire import Wire

APART_MAX = 0.05
UNKNOWN = "nobody@example.com"
JSON = {"content-type": "application/json"}
NEW = {"name": "Somebody New", "password": "eleven quiet lamps at noon"}
SETTINGS = {"REGISTRATION": "open", "RATE_LIMITS": "off"}

Ask = tuple[str, dict[str, str], Callable[[str], bytes], int]


def told(**members: str) -> bytes:
    return json.dumps(members).encode()


ASKED: dict[str, Ask] = {
    "sign-in": ("/api/v1/auth/token", FORM, lambda email: sign_in_form(email, "a wrong one, surely"), 400),
    "reset": ("/api/v1/auth/password-resets", JSON, lambda email: told(email=email), 202),
    "registration": ("/api/v1/auth/register", JSON, lambda email: told(email=email, **NEW), 202),
}


async def timed(wire: Wire, ask: Ask, email: str) -> float:
    path, fields, body, status = ask
    began = time.perf_counter()
    reply = await wire.request("POST", path, fields, body(email))
    took = time.perf_counter() - began
    if reply.status != status:
        raise RuntimeError(f"{path} answered {reply.status}")
    return took


async def measure(port: int, rounds: int) -> bool:
    """Whether all medians are near enough."""
    wire, near = Wire(port), True
    for name, ask in ASKED.items():
        times: dict[str, list[float]] = {EMAIL: [], UNKNOWN: []}
        for number in range(rounds + 10):
            for email in (EMAIL, UNKNOWN) if number % 2 else (UNKNOWN, EMAIL):
                took = await timed(wire, ask, email)
                if number >= 10:  # the first ones warm up
                    times[email].append(took)
        known, unknown = median(times[EMAIL]), median(times[UNKNOWN])
        apart = abs(known - unknown) / max(known, unknown)
        near = near and apart < APART_MAX
        print(f"{name}: known {known * 1000:.2f} ms, unknown {unknown * 1000:.2f} ms, {apart:.1%} apart", flush=True)
    await wire.close()
    return near


async def run(rounds: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="fastops-timing-") as folder:
        data_dir = Path(folder) / "var"
        prepare(data_dir)
        service = Service(data_dir, **SETTINGS)
        try:
            await service.ready()
            await asyncio.sleep(3)  # the model is still being loaded
            return await measure(service.port, rounds)
        finally:
            await service.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold a clock to who has an account.")
    parser.add_argument("--rounds", type=int, default=200)
    sys.exit(not asyncio.run(run(parser.parse_args().rounds)))


if __name__ == "__main__":
    main()
