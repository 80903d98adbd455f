"""What the care for memory gives: creating collections with huge pages and without, with rare garbage runs and usual.

    python -m benchmarks.memory [--starts 5] [--rounds 3] [--seconds 3]

The service as it is against the same without one of them, at 16 connections. The sides take turns and are started
several times, as in `benchmarks.audited`; PostgreSQL as there. Huge pages are Linux alone.
"""

import argparse
import os

from benchmarks.audited import one_start, told
from benchmarks.reads import OTHER_CORE
from tests import postgres

WITHOUT = {"huge pages": "--small-pages", "rare garbage runs": "--usual-collections"}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what huge pages and rare collections of garbage give.")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    os.sched_setaffinity(0, {OTHER_CORE})
    with postgres.postgres_server() as server:
        postgres.migrated_template(server)
        print(f"{'':<24}{'with':>12}{'without':>12}{'ratio':>8}   of {options.starts * options.rounds} rounds")
        for name, flag in WITHOUT.items():
            programs = (["service"], ["service", flag])
            rounds = [pair for _ in range(options.starts) for pair in one_start(server, programs, options)]
            told(name, [(one[0], other[0]) for one, other in rounds])
            told(f"{name}, processor", [(one[1], other[1]) for one, other in rounds])


if __name__ == "__main__":
    main()
