"""The built-in embedder: all-MiniLM-L6-v2 (Reimers & Gurevych 2019) run by onnxruntime on the processor.

Every text is one run on one thread. On processors this beats batches from 64 tokens upward (no padding, and activations
stay in the cache), and a text has the same vector in any company, as query and as document.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from adapters.embeddings.graph_cache import Precision, graph
from adapters.embeddings.lanes import Progress, in_lanes
from adapters.embeddings.model_files import NAME, ModelFiles
from adapters.embeddings.recent import RecentVectors
from adapters.embeddings.wordpiece import MiniLmTokenizer
from application.knowledge.retrieval import Matrix, Vector
from domain.shared.errors import Unavailable

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

R = TypeVar("R")
DIMENSION = 384
SLICE_CHARACTERS = 2_000
"""About 50 ms of work: what a thread takes at once, so that calls that run together share the threads."""


class MiniLmModel:
    """Tokenizer and session, loaded at first use; calls come from any thread and hold the processor.

    `files` finds the model's folder, `graphs` is where built graphs are kept. Raises Unavailable (model_missing,
    model_altered) from every call until the files are right.
    """

    def __init__(
        self, files: Callable[[], ModelFiles], tokenizer: MiniLmTokenizer, graphs: Path, precision: Precision = "int8"
    ) -> None:
        self.precision: Precision = precision
        self._files, self._tokenizer, self._graphs = files, tokenizer, graphs
        self._lock = threading.Lock()
        self._session: InferenceSession | None = None

    def load(self) -> "InferenceSession":
        """Load now what is not loaded yet; where the graph was never built, build it (a second or two)."""
        with self._lock:
            if self._session is None:
                self._tokenizer.load()
                self._session = open_session(graph(self._files(), self._graphs, self.precision))
            return self._session

    def vector(self, text: str) -> Vector:
        """One vector (384,), normalised; text beyond 256 tokens does not count."""
        session = self._session or self.load()
        outputs = session.run(None, {"ids": self._tokenizer.ids(text)[None]})
        vector: Vector = outputs[0][0]
        return vector


class MiniLmEmbedder:
    """The port `Embedder`. Queries have threads of their own, so documents do not keep them waiting."""

    dimension = DIMENSION

    def __init__(self, model: MiniLmModel, workers: int | None = None) -> None:
        self.name = f"{NAME}-{model.precision}"
        self._model = model
        self._workers = workers or _cores()
        self._documents = ThreadPoolExecutor(self._workers, thread_name_prefix="embed-documents")
        self._queries = ThreadPoolExecutor(self._workers, thread_name_prefix="embed-query")
        self._recent = RecentVectors()

    async def warm(self) -> None:
        """Load the model ahead of the first call. Raises Unavailable where it is missing or altered."""
        await _call(self._queries, self._model.load)

    async def query(self, text: str) -> Vector:
        """See the port. The vector is read-only."""
        known = self._recent.get(text)
        if known is not None:
            return known
        vector = await _call(self._queries, self._model.vector, text)
        return self._recent.put(text, vector)

    async def documents(self, texts: Sequence[str], *, progress: Progress | None = None) -> Matrix:
        """See the port. `progress` is told on the event loop how many texts are done."""
        vectors = np.empty((len(texts), DIMENSION), dtype=np.float32)

        def fill(part: range) -> None:
            for place in part:
                vectors[place] = self._model.vector(texts[place])

        await in_lanes(_slices(texts), self._workers, lambda part: _call(self._documents, fill, part), progress)
        return vectors

    async def close(self) -> None:
        """End the threads; what runs is waited for, what waits is dropped."""
        for pool in (self._queries, self._documents):
            pool.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._queries.shutdown)
        await asyncio.to_thread(self._documents.shutdown)


def open_session(serialized: bytes) -> "InferenceSession":
    """A session that computes on the thread that calls it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(serialized, options, providers=["CPUExecutionProvider"])


async def _call(pool: ThreadPoolExecutor, call: Callable[..., R], *arguments: object) -> R:
    try:
        future = asyncio.get_running_loop().run_in_executor(pool, call, *arguments)
    except RuntimeError as error:
        raise Unavailable("shutting_down", "The service is stopping; try again in a moment.") from error
    return await future


def _slices(texts: Sequence[str]) -> Iterator[range]:
    """Runs of texts of about equal work."""
    start = size = 0
    for place, text in enumerate(texts):
        size += len(text)
        if size >= SLICE_CHARACTERS:
            yield range(start, place + 1)
            start, size = place + 1, 0
    if start < len(texts):
        yield range(start, len(texts))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
