"""Whole queries, and many callers at once beside a watched event loop."""

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial
from itertools import count, cycle
from pathlib import Path

import numpy as np

from adapters.embeddings.minilm import MiniLmEmbedder, MiniLmModel
from adapters.embeddings.model_files import ModelFiles, locate
from adapters.embeddings.wordpiece import MiniLmTokenizer
from adapters.keywords.analyzer import EnglishAnalyzer
from adapters.keywords.bm25.index import Bm25Index
from adapters.system.threads import ThreadExecutor
from adapters.vectors.embedded.index import EmbeddedVectorIndex
from application.knowledge.fusion import Ranking, rank
from application.knowledge.retrieval import AllowedSet, Embedder
from benchmarks.corpus import Question

CALLERS = 8
TICK = 0.001
EVERYTHING = AllowedSet(None)


@dataclass
class Searcher:
    """A query as the service runs it: embed the text, cut it into terms, rank. Without an embedder it only ranks."""

    keywords: Bm25Index
    vectors: EmbeddedVectorIndex
    embedder: Embedder | None
    analyzer: EnglishAnalyzer = field(default_factory=EnglishAnalyzer)

    def __post_init__(self) -> None:
        self.executor = ThreadExecutor("search")

    async def ask(self, question: Question) -> Ranking:
        if self.embedder is not None:
            await self.embedder.query(f"{question.text} {next(_serial)}")  # a text that was not asked before
        return await self.executor(partial(self._rank, question))

    def _rank(self, question: Question) -> Ranking:
        self.analyzer.query(question.text)
        return rank(question.terms, question.vector, allowed=EVERYTHING, keywords=self.keywords, vectors=self.vectors)


_serial = count()


def built_in_embedder(graphs: Path) -> MiniLmEmbedder:
    """The service's own embedder at int8, its graph kept in `graphs`. Raises Unavailable where the model is missing."""

    def files() -> ModelFiles:
        return locate(None, Path("var"))

    model = MiniLmModel(files, MiniLmTokenizer(files), graphs)
    model.load()
    return MiniLmEmbedder(model)


async def one_by_one(searcher: Searcher, questions: list[Question]) -> list[float]:
    """Milliseconds of each query."""
    times = []
    for question in questions:
        began = time.perf_counter()
        await searcher.ask(question)
        times.append((time.perf_counter() - began) * 1000)
    return times


async def together(searcher: Searcher, questions: list[Question], seconds: float) -> dict[str, float]:
    """Rate of CALLERS callers, and how late the event loop woke meanwhile (99th percentile, milliseconds)."""
    waiting, done, lags = cycle(questions), [0], list[float]()
    until = time.perf_counter() + seconds

    async def call() -> None:
        while time.perf_counter() < until:
            await searcher.ask(next(waiting))
            done[0] += 1

    async def watch() -> None:
        while (now := time.perf_counter()) < until:
            await asyncio.sleep(TICK)
            lags.append((time.perf_counter() - now - TICK) * 1000)

    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(watch(), *(call() for _ in range(CALLERS)))
    return {
        "callers_cpu_ms_per_query": (time.process_time() - used) / done[0] * 1000,
        "callers_per_second": done[0] / (time.perf_counter() - began),
        "loop_lag_p99_ms": float(np.percentile(lags, 99)),
    }


def measured(searcher: Searcher, questions: list[Question], seconds: float) -> dict[str, float]:
    """All figures of whole queries."""

    async def run() -> dict[str, float]:
        await one_by_one(searcher, questions[:20])
        times = await one_by_one(searcher, questions)
        figures = {"whole_p50_ms": float(np.median(times)), "whole_p99_ms": float(np.percentile(times, 99))}
        figures |= await together(searcher, questions, seconds)
        await searcher.executor.close()
        return figures

    return asyncio.run(run())
