"""Speed of search: exact numpy against the engine, whole queries, callers at once, cold starts and memory.

    python -m benchmarks.search [--sizes 100000 1000000] [--embedder minilm|none] [--queries 300]

Prints a table and writes `benchmarks/results/search.json`. Only ratios inside one run mean anything elsewhere.
"""

import argparse
import os
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "search.json"


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description="Measure search.")
    parser.add_argument("--sizes", nargs="+", type=int, default=[100_000], help="chunks, one run each")
    parser.add_argument("--queries", type=int, default=300, help="queries per figure")
    parser.add_argument(
        "--embedder", choices=["minilm", "none"], default="minilm", help="none: whole queries without it"
    )
    parser.add_argument("--seconds", type=float, default=6, help="how long the callers run")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"  # numpy reads them when it is imported
    os.environ["TOKENIZERS_PARALLELISM"] = "false"

    from benchmarks.search_report import measure_all

    measure_all(options)


if __name__ == "__main__":
    main()
