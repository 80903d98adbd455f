"""Figures of the engine alone: vectors against exact numpy in turn, keywords, and both fused, one query at a time."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from adapters.keywords.bm25.index import Bm25Index
from adapters.vectors.embedded.index import EmbeddedVectorIndex
from application.knowledge.fusion import rank
from application.knowledge.retrieval import AllowedSet, Matrix, Numbers
from benchmarks.corpus import CHUNKS_PER_DOCUMENT, COLLECTIONS, Question, collection, document

TOP = 10
KEYWORDS = 200
WARMING = 25
EVERYTHING = AllowedSet(None)
Figures = dict[str, float]
Call = Callable[[Question], object]


class Engine:
    """Both indexes as loaded from their snapshots."""

    def __init__(self, folder: Path, dimension: int) -> None:
        self.keywords = Bm25Index("benchmark")
        self.vectors = EmbeddedVectorIndex("benchmark", dimension)
        if self.keywords.load(folder) is None or self.vectors.load(folder) is None:
            raise SystemExit("There is no snapshot.")

    def measured(self, matrix: Matrix, questions: Sequence[Question]) -> Figures:
        """All figures, medians in milliseconds. `matrix` has the vectors by number, from 1."""
        documents = np.random.default_rng(5).choice(len(matrix) // CHUNKS_PER_DOCUMENT, len(matrix) // 800)
        sets = {
            "vector": EVERYTHING,
            "clustered": AllowedSet(frozenset({collection(COLLECTIONS // 3)})),
            "random": AllowedSet(None, frozenset(map(document, documents.tolist()))),
        }
        for question in questions[:WARMING]:
            self._rank(EVERYTHING, question)
        self.vectors.settle()
        figures: Figures = {}
        for name, allowed in sets.items():
            figures |= self._vectors(name, allowed, matrix, questions)
        for name, allowed in sets.items():
            figures[f"{name}_bm25_p50_ms"] = _p50(questions, partial(self._keywords, allowed))
            figures[f"{name}_rank_p50_ms"] = _p50(questions, partial(self._rank, allowed))
        return figures

    def _vectors(self, name: str, allowed: AllowedSet, matrix: Matrix, questions: Sequence[Question]) -> Figures:
        """Exact numpy over all vectors and the engine under `allowed`, query by query in turn; recall of the latter."""
        places = np.arange(len(matrix)) if allowed == EVERYTHING else self._places(allowed, len(matrix))
        exact_times, times, found = [], [], 0
        for question in questions:
            began = time.perf_counter()
            _exact(matrix, question)
            between = time.perf_counter()
            hits = self.vectors.search(question.vector, allowed=allowed, limit=TOP)
            times.append(time.perf_counter() - between)
            exact_times.append(between - began)
            true = places[_exact(matrix[places], question)] if len(places) < len(matrix) else _exact(matrix, question)
            found += len(np.intersect1d(true + 1, hits.numbers))
        exact, own = float(np.median(exact_times)) * 1000, float(np.median(times)) * 1000
        return {
            f"{name}_exact_p50_ms": exact,
            f"{name}_p50_ms": own,
            f"{name}_ratio": own / exact,
            f"{name}_recall": found / (TOP * len(questions)),
        }

    def _places(self, allowed: AllowedSet, size: int) -> Numbers:
        """Rows of the matrix that are allowed: those of chunks that any vector finds."""
        everywhere = np.zeros(384, dtype=np.float32)
        return np.sort(self.vectors.search(everywhere, allowed=allowed, limit=size).numbers) - 1

    def _keywords(self, allowed: AllowedSet, question: Question) -> object:
        return self.keywords.search(question.terms, allowed=allowed, limit=KEYWORDS)

    def _rank(self, allowed: AllowedSet, question: Question) -> object:
        return rank(question.terms, question.vector, allowed=allowed, keywords=self.keywords, vectors=self.vectors)


def _exact(matrix: Matrix, question: Question) -> Numbers:
    scores = matrix @ question.vector
    best = np.argpartition(scores, -TOP)[-TOP:]
    return best[np.argsort(-scores[best])]


def _p50(questions: Sequence[Question], call: Call) -> float:
    times = []
    for question in questions:
        began = time.perf_counter()
        call(question)
        times.append(time.perf_counter() - began)
    return float(np.median(times)) * 1000
