"""Kills a service with a thousand writes under way, again and again: what is lost, done twice, and how long it is away.

    python -m benchmarks.crashes [--rounds 50] [--writes 1000] [--database sqlite|postgresql]

Each round repeats every write with its Idempotency-Key. The clients share the processors with the service.
"""

import argparse
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

from rich.progress import track

from benchmarks.service import percentile
from tests.cli.serving import Serving
from tests.crashes import Crashes, Round, installed
from tests.postgres_cluster import DURABLE, private_cluster


def run(rounds: int, writes: int, database: str) -> list[Round]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fastops-crashes-")))
        settings = {}
        if database == "postgresql":
            settings["DATABASE_URL"] = f"{stack.enter_context(private_cluster(*DURABLE)).url}/postgres"
        terminal = installed(folder, **settings)
        crashes = stack.enter_context(closing(Crashes(lambda: Serving(terminal), writes)))
        return [crashes.round(number) for number in track(range(rounds), "Killing")]


def report(database: str, writes: int, done: list[Round]) -> str:
    seconds = [each.ready_seconds for each in done]
    figures = {
        "acknowledged before a kill": sum(each.acknowledged for each in done),
        "missing": sum(each.missing for each in done),
        "answered otherwise": sum(each.differing for each in done),
        "refused": sum(each.refused for each in done),
        "twice or not there": sum(each.twice for each in done),
    }
    told = ", ".join(f"{number} {name}" for name, number in figures.items())
    ready = f"ready again after {percentile(seconds, 0.5):.0f} ms (median), {max(seconds) * 1000:.0f} ms (slowest)"
    return f"{database}: {len(done)} kills among {writes} writes each, {told}; {ready}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill a service in the middle of its writes.")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--writes", type=int, default=1000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    options = parser.parse_args()
    done = run(options.rounds, options.writes, options.database)
    print(report(options.database, options.writes, done), flush=True)
    if not all(each.is_fine for each in done):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
