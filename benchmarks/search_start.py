"""One cold start in a process of its own: the indexes from rows or from a snapshot, up to the first answer.

    python -m benchmarks.search_start rows.sqlite snapshots rows|snapshot

Prints one JSON object. A start from rows publishes the snapshot afterwards.
"""

import gc
import json
import sys
import threading
import time
from pathlib import Path

import numpy as np

from adapters.indexing.buffers import give_back_memory
from adapters.keywords.bm25.index import Bm25Index
from adapters.vectors.embedded.index import EmbeddedVectorIndex
from application.knowledge.fusion import rank
from application.knowledge.retrieval import AllowedSet
from benchmarks.corpus import DIMENSION, Corpus, Question, stored_batches

WORKERS = 2


def main(rows: Path, folder: Path, source: str) -> dict[str, float]:
    """Start, ask, and tell what it took."""
    questions = Corpus(1).questions(100)
    keywords, vectors = Bm25Index("benchmark"), EmbeddedVectorIndex("benchmark", DIMENSION)
    before, began = resident(), time.perf_counter()
    if source == "rows":
        for batch in stored_batches(rows):
            keywords.put(batch)
            vectors.put(batch)
    elif keywords.load(folder) is None or vectors.load(folder) is None:
        raise SystemExit("There is no snapshot.")
    ask(keywords, vectors, questions[:1])
    figures = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time()}
    keywords.settle()
    vectors.settle()
    figures["settled_seconds"] = time.perf_counter() - began
    if source == "rows":
        began = time.perf_counter()
        keywords.save(folder, 1)
        vectors.save(folder, 1)
        figures["save_seconds"] = time.perf_counter() - began
    figures["bytes_per_chunk"] = memory(keywords, vectors, questions, before, folder)
    return figures


def memory(
    keywords: Bm25Index, vectors: EmbeddedVectorIndex, questions: list[Question], before: int, folder: Path
) -> float:
    """Bytes per chunk beyond the matrix: what the process uses for itself once all workers have searched, and all
    other files of the snapshot, as if every page of them were in use."""
    threads = [threading.Thread(target=ask, args=(keywords, vectors, questions)) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    give_back_memory()
    files = sum(path.stat().st_size for path in folder.glob("*.bin"))
    return (resident() - before + files) / len(vectors) - 4 * DIMENSION


def ask(keywords: Bm25Index, vectors: EmbeddedVectorIndex, questions: list[Question]) -> None:
    for question in questions:
        rank(question.terms, question.vector, allowed=AllowedSet(None), keywords=keywords, vectors=vectors)


def resident() -> int:
    """Bytes of memory that this process holds for itself (Linux)."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["RssAnon"].split()[0]) * 1024


if __name__ == "__main__":
    np.zeros(1) @ np.zeros(1)  # have the library of numpy make its buffers first
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])))
