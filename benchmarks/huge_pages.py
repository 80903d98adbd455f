"""What huge pages give: creating collections with the service's memory in them and without, at 16 connections.

    python -m benchmarks.huge_pages [--starts 5] [--rounds 3] [--seconds 3]

Linux alone. The sides take turns and are started several times, as in `benchmarks.audited`; PostgreSQL as there.
"""

import argparse
import os

from benchmarks.audited import one_start, told
from benchmarks.reads import OTHER_CORE
from tests import postgres


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what huge pages give.")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    os.sched_setaffinity(0, {OTHER_CORE})
    programs = (["service"], ["service", "--small-pages"])
    with postgres.postgres_server() as server:
        postgres.migrated_template(server)
        rounds = [pair for _ in range(options.starts) for pair in one_start(server, programs, options)]
    print(f"{'':<16}{'huge pages':>12}{'small':>12}{'ratio':>8}   of {options.starts * options.rounds} rounds, bar")
    told("by time", [(one[0], other[0]) for one, other in rounds], 1.0)
    told("by processor", [(one[1], other[1]) for one, other in rounds], 1.0)


if __name__ == "__main__":
    main()
