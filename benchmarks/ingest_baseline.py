"""What the embedding model does with nothing around it: the limit that ingest is measured against.

    python -m benchmarks.ingest_baseline [--texts 1000] [--precision int8|float32] [--rounds 3]

Takes the texts of SciFact (title and text, cut at 256 tokens) and prints texts a second of three ways in turn: batches
of 32 sorted by length, each text alone, and the product's embedder. Only ratios inside one run mean anything elsewhere.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast, get_args

import numpy as np
import numpy.typing as npt

from adapters.embeddings.graph_cache import Precision, graph
from adapters.embeddings.minilm import MiniLmEmbedder, MiniLmModel, open_session
from adapters.embeddings.model_files import ModelFiles, locate
from adapters.embeddings.wordpiece import MiniLmTokenizer

ROOT = Path(__file__).parents[1]
SCIFACT = ROOT.parent / "shared" / "data" / "scifact" / "corpus.jsonl"
DATA = ROOT / "benchmarks" / "results"
BATCH = 32
Ids = npt.NDArray[np.int32]


def files() -> ModelFiles:
    return locate(None, DATA)


def bare_throughput(texts: Sequence[str], *, batch: int = BATCH, precision: Precision = "int8") -> float:
    """Texts a second of the graph alone, sorted by length, `batch` at a time, one thread per core.

    Tokenising is done before the clock starts. Batches are padded to their longest text; since the graph takes no mask,
    padded vectors are of no use, but the work is that of a masked graph or a little less.
    """
    tokenizer = MiniLmTokenizer(files)
    ids = sorted((tokenizer.ids(text) for text in texts), key=len, reverse=True)
    batches = [_padded(ids[start : start + batch]) for start in range(0, len(ids), batch)]
    session = open_session(graph(files(), DATA / "models", precision))
    session.run(None, {"ids": batches[-1]})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        began = time.perf_counter()
        list(pool.map(lambda part: session.run(None, {"ids": part}), batches))
        return len(texts) / (time.perf_counter() - began)


def product_throughput(texts: Sequence[str], *, precision: Precision = "int8") -> float:
    """Texts a second of the product's embedder, tokenising included."""

    async def run() -> float:
        embedder = MiniLmEmbedder(MiniLmModel(files, MiniLmTokenizer(files), DATA / "models", precision))
        await embedder.warm()
        began = time.perf_counter()
        await embedder.documents(texts)
        took = time.perf_counter() - began
        await embedder.close()
        return len(texts) / took

    return asyncio.run(run())


def scifact_texts(limit: int) -> list[str]:
    """Texts spread evenly over the collection."""
    with SCIFACT.open(encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    chosen = documents[:: max(1, len(documents) // limit)][:limit]
    return [f"{document['title']} {document['text']}".strip() for document in chosen]


def _padded(ids: Sequence[Ids]) -> Ids:
    block = np.zeros((len(ids), max(map(len, ids))), dtype=np.int32)
    for row, one in zip(block, ids, strict=True):
        row[: len(one)] = one
    return block


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the embedding model alone.")
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--precision", choices=get_args(Precision), default="int8")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    texts, precision = scifact_texts(options.texts), cast(Precision, options.precision)
    ways: dict[str, Callable[[], float]] = {
        "batches of 32": lambda: bare_throughput(texts, precision=precision),
        "each alone": lambda: bare_throughput(texts, batch=1, precision=precision),
        "the product": lambda: product_throughput(texts, precision=precision),
    }
    rounds = [{name: way() for name, way in ways.items()} for _ in range(options.rounds)]
    for name in ways:
        figures = [figure[name] for figure in rounds]
        median, spread = statistics.median(figures), f"{min(figures):.1f} to {max(figures):.1f}"
        print(f"{name:<14} {median:7.1f} texts/s   {spread}")
    ratios = [figure["the product"] / figure["batches of 32"] for figure in rounds]
    print(f"the product is {statistics.median(ratios):.2f} of batches of 32")


if __name__ == "__main__":
    main()
