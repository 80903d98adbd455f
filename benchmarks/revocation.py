"""How soon a process refuses what another one has taken: users, sessions, roles, grants, groups, keys; on PostgreSQL.

    python -m benchmarks.revocation [--rounds 20] [--pause 0.01]

Two services run in processes of their own. Each right is used at the second one before it is taken at the first, and
then asked for again and again, `--pause` seconds apart: the delay is from the answer to the change until the first
refusal. Longer pauses ask less often than the second process looks at the database.
"""

import argparse
import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, aclosing
from pathlib import Path

from rich.progress import track

from benchmarks.service import percentile
from tests.cli.serving import Serving, ended
from tests.crashes import installed
from tests.postgres_cluster import private_cluster
from tests.redis_server import redis_server
from tests.revocations import Revocations


async def measure(services: Sequence[Serving], options: argparse.Namespace, title: str) -> dict[str, list[float]]:
    delays: dict[str, list[float]] = defaultdict(list)
    async with aclosing(Revocations(*(service.wait_ready().port for service in services))) as revocations:
        for _ in track(range(options.rounds), title):
            for kind, seconds in (await revocations.round(options.pause)).items():
                delays[kind].append(seconds)
    return delays


def report(title: str, delays: Mapping[str, list[float]]) -> str:
    lines = [
        f"  {kind:<20} median {percentile(seconds, 0.5):4.0f} ms, worst {max(seconds) * 1000:4.0f} ms"
        for kind, seconds in delays.items()
    ]
    return "\n".join([f"{title}, {len(next(iter(delays.values())))} rounds:", *lines])


def run(options: argparse.Namespace, title: str, **settings: str) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fastops-revocation-")))
        terminal = installed(folder, DATABASE_URL=f"{stack.enter_context(private_cluster()).url}/postgres")
        both = settings | {"PUBLIC_URL": "http://kb.example.com"}
        begun = [Serving(terminal, **both, DATA_DIR=str(folder / name)) for name in ("here", "there")]
        services = [stack.enter_context(ended(service)) for service in begun]
        print(report(title, asyncio.run(measure(services, options, title))), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Take rights in one process and ask for them in another.")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--pause", type=float, default=0.01)
    options = parser.parse_args()
    run(options, "without Redis")
    roomy = dict.fromkeys(("RATE_LIMIT_CALLER", "RATE_LIMIT_ADDRESS", "RATE_LIMIT_REFUSALS"), "100000")
    with redis_server() as server:
        run(options, "with Redis", REDIS_URL=server.url, RATE_LIMITS="on", **roomy)


if __name__ == "__main__":
    main()
