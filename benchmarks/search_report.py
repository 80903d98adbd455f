"""Runs all measurements of search for each size, prints the table and keeps the figures as JSON."""

import json
import os
import platform
import subprocess
import sys
import tempfile
from argparse import Namespace
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.corpus import DIMENSION, Corpus
from benchmarks.search_callers import Searcher, built_in_embedder, measured
from benchmarks.search_engine import Engine

ROUNDS = 5
Figures = dict[str, float]

BARS = {
    "vectors against exact numpy": ("vector_ratio", "<=", 0.4, 0.4),
    "  1 % clustered against exact": ("clustered_ratio", "<=", 0.4, 0.4),
    "  1 % random against exact": ("random_ratio", "<=", 0.4, 0.4),
    "recall@10, everything allowed": ("vector_recall", ">=", 0.999, 0.999),
    "  1 % clustered": ("clustered_recall", ">=", 0.99, 0.99),
    "  1 % random": ("random_recall", ">=", 0.99, 0.99),
    "whole query p50, ms": ("whole_p50_ms", "<=", 6, 20),
    "8 callers, queries/s": ("callers_per_second", ">=", 250, None),
    "  event loop lag p99, ms": ("loop_lag_p99_ms", "<=", 8, None),
    "cold start from rows, s": ("start_from_rows_s", "<=", 4, None),
    "  from the snapshot, s": ("start_from_snapshot_s", "<=", 0.1, None),
    "bytes a chunk beyond the matrix": ("bytes_per_chunk", "<=", 650, 650),
}
"""Label: figure, direction, and what passes at 100,000 and at 1,000,000 chunks."""


def measure_all(options: Namespace) -> None:
    """Measure every size, print and store."""
    machine = {"python": platform.python_version(), "numpy": np.__version__, "cores": os.cpu_count()}
    whole = "terms, BM25, vectors, fusion" + (", no embedding" if options.embedder == "none" else ", embedding int8")
    results: dict[int, Figures] = {}
    for size in options.sizes:
        with tempfile.TemporaryDirectory(prefix="fastops-bench-") as name:
            results[size] = _measure(size, options, Path(name))
        Console().print(_table(f"{size:,} chunks (whole query: {whole})", results[size], size))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps({"machine": machine, "whole": whole, "sizes": results}, indent=2) + "\n")
    Console().print(f"Figures are in {options.output}.")


def _measure(size: int, options: Namespace, folder: Path) -> Figures:
    corpus = Corpus(size)
    matrix = corpus.write(folder / "rows.sqlite")
    questions = corpus.questions(options.queries)
    figures = _starts(folder)
    engine = Engine(folder, DIMENSION)
    figures |= engine.measured(matrix, questions)
    del matrix
    embedder = None if options.embedder == "none" else built_in_embedder(folder)
    return figures | measured(Searcher(engine.keywords, engine.vectors, embedder), questions, options.seconds)


def _starts(folder: Path) -> Figures:
    from_rows = _start(folder, "rows")
    from_snapshot = [_start(folder, "snapshot") for _ in range(ROUNDS)]
    return {
        "start_from_rows_s": from_rows["seconds"],
        "start_from_rows_settled_s": from_rows["settled_seconds"],
        "start_from_rows_cpu_s": from_rows["cpu_seconds"],
        "start_from_snapshot_s": median(start["seconds"] for start in from_snapshot),
        "save_s": from_rows["save_seconds"],
        "bytes_per_chunk": max(start["bytes_per_chunk"] for start in from_snapshot),
        "bytes_per_chunk_after_start_from_rows": from_rows["bytes_per_chunk"],
    }


def _start(folder: Path, source: str) -> Figures:
    command = [sys.executable, "-m", "benchmarks.search_start", str(folder / "rows.sqlite"), str(folder), source]
    figures: Figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return figures


def _table(title: str, figures: Figures, size: int) -> Table:
    table = Table("what", "figure", "passes", "verdict", title=title)
    named = {name for name, *_ in BARS.values()}
    for label, (name, direction, at_100k, at_1m) in BARS.items():
        bar = at_100k if size <= 100_000 else at_1m
        figure = figures[name]
        if bar is None:
            table.add_row(label, f"{figure:.3f}", "", "")
            continue
        met = figure <= bar if direction == "<=" else figure >= bar
        table.add_row(label, f"{figure:.3f}", f"{direction} {bar}", "pass" if met else "FAIL")
    for name in sorted(figures.keys() - named):
        table.add_row(name, f"{figures[name]:.3f}", "", "")
    return table
