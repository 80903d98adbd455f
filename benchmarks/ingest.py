"""The product's ingest against the bare model, in turn, in one run.

    python -m benchmarks.ingest [--documents 600] [--rounds 3]

Takes documents of SciFact, cuts them as the product does, and times two ways to the vectors of the same chunk texts:
the graph alone (`ingest_baseline.bare_throughput`), and all of `fastops ingest` with a process and data directory of
its own: reading, storing, cutting, terms, vectors, journal, commits. Prints chunks a second of both and their ratio.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from adapters.embeddings.wordpiece import MiniLmTokenizer
from benchmarks.ingest_baseline import SCIFACT, bare_throughput, files
from domain.knowledge.chunking import cut
from domain.knowledge.extracts import Extract

FASTOPS = Path(sys.executable).with_name("fastops")


def chunk_texts(lines: list[str]) -> list[str]:
    """What the model is given for these documents."""
    tokenizer = MiniLmTokenizer(files)
    texts: list[str] = []
    for line in lines:
        document = json.loads(line)
        extract = Extract(text=document["text"], media_type="text/plain", title=document["title"])
        texts += [chunk.embedded for chunk in cut(extract, tokenizer.spans)]
    return texts


def product_seconds(lines: list[str]) -> float:
    """Seconds of `fastops ingest`, its start excluded by the summary's own clock."""
    with tempfile.TemporaryDirectory(prefix="fastops-bench-") as folder:
        corpus = Path(folder) / "corpus.jsonl"
        corpus.write_text("".join(lines), encoding="utf-8")
        environment = os.environ | {"DATA_DIR": f"{folder}/var", "LOG_LEVEL": "WARNING"}
        subprocess.run([FASTOPS, "db", "upgrade"], env=environment, check=True, capture_output=True)
        command = [FASTOPS, "ingest", str(corpus), "--collection", "bench", "--json"]
        began = time.perf_counter()
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        whole = time.perf_counter() - began
        found = json.loads(done.stdout)
        print(f"  product: {found['documents']} documents, {found['chunks']} chunks, {whole:.1f} s with its start")
        return float(found["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure ingest against the bare model.")
    parser.add_argument("--documents", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with SCIFACT.open(encoding="utf-8") as file:
        lines = [line for line, _ in zip(file, range(options.documents), strict=False)]
    texts = chunk_texts([line for line in lines if json.loads(line)["text"].strip()])
    ratios = []
    for _ in range(options.rounds):
        bare = bare_throughput(texts)
        product = len(texts) / product_seconds(lines)
        ratios.append(product / bare)
        print(f"bare {bare:.1f} chunks/s, product {product:.1f} chunks/s, ratio {product / bare:.2f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
