"""all-MiniLM-L6-v2 on onnxruntime (Reimers & Gurevych 2019; Wang et al. 2020): 384 dimensions, 256 tokens.

Each text is a run of its own, as many at once as there are cores: no padding is computed, which beats batches of 32 by
a quarter on texts of 200 tokens and keeps memory low. The model loads at its first use.
"""

import asyncio
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from adapters.embeddings.graph_cache import graph_file
from adapters.embeddings.model_files import locate
from application.knowledge.retrieval import Matrix, Vector

if TYPE_CHECKING:
    import tokenizers

DIMENSION, MAX_TOKENS = 384, 256
QUERIES_KEPT = 2048
Ids = npt.NDArray[np.int32]
Counted = Callable[[int], None]
"""Told how many texts of a call are done."""


class MiniLmModel:
    """The loaded files: tokenizer and session, each made once, whichever thread asks first."""

    def __init__(self, model_dir: Path, *, int8: bool = True) -> None:
        self._model_dir, self._int8 = model_dir, int8
        self._lock = threading.RLock()

    @cached_property
    def _files(self) -> Any:
        return locate(self._model_dir)

    @cached_property
    def _tokenizer(self) -> "tokenizers.Tokenizer":
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        from tokenizers import Tokenizer

        loaded = Tokenizer.from_file(str(self._files.tokenizer))
        loaded.no_padding()
        loaded.no_truncation()
        return loaded

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        path = graph_file(self._files, self._model_dir, int8=self._int8)
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def load(self) -> tuple["tokenizers.Tokenizer", Any]:
        """Raises Unavailable (`model_missing`, `model_altered`)."""
        with self._lock:
            return self._tokenizer, self._session

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids of each text, the special ones included, cut at 256."""
        with self._lock:
            tokenizer = self._tokenizer
        found = tokenizer.encode_batch_fast(list(texts))
        return [_cut(np.array(one.ids, dtype=np.int32)) for one in found]

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        with self._lock:
            tokenizer = self._tokenizer
        offsets: list[tuple[int, int]] = tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets

    def vector(self, ids: Ids) -> Vector:
        """The vector of one text."""
        _, session = self.load()
        inputs = {"ids": ids[None], "mask": np.ones((1, len(ids)), dtype=np.int32)}
        found: Vector = session.run(None, inputs)[0][0]
        return found


class MiniLmEmbedder:
    """Documents and queries to unit vectors, in threads of its own."""

    dimension = DIMENSION

    def __init__(self, model: MiniLmModel, *, int8: bool = True, threads: int | None = None) -> None:
        self.name = f"all-MiniLM-L6-v2-{'int8' if int8 else 'fp32'}"
        self._model = model
        self._documents = ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="embed")
        self._queries = ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="embed-query")
        self._recent: OrderedDict[str, Vector] = OrderedDict()

    async def warm(self) -> None:
        """Load the model now. Raises Unavailable."""
        await asyncio.get_running_loop().run_in_executor(self._queries, self._model.load)

    async def documents(self, texts: Sequence[str], counted: Counted | None = None) -> Matrix:
        """Vectors (n, 384) in the order of `texts`. The longest go first: no thread is left with one at the end."""
        vectors = np.empty((len(texts), DIMENSION), dtype=np.float32)
        if not texts:
            return vectors
        loop = asyncio.get_running_loop()
        ids = await loop.run_in_executor(self._documents, self._model.encode, texts)
        order = iter(sorted(range(len(ids)), key=lambda n: -len(ids[n])))
        lock = threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    n = next(order, None)
                if n is None:
                    return
                vectors[n] = self._model.vector(ids[n])
                if counted is not None:
                    loop.call_soon_threadsafe(counted, 1)

        workers = min(self._documents._max_workers, len(ids))
        await asyncio.gather(*(loop.run_in_executor(self._documents, work) for _ in range(workers)))
        return vectors

    async def query(self, text: str) -> Vector:
        known = self._recent.get(text)
        if known is not None:
            self._recent.move_to_end(text)
            return known
        found = await asyncio.get_running_loop().run_in_executor(self._queries, self._query, text)
        self._recent[text] = found
        if len(self._recent) > QUERIES_KEPT:
            self._recent.popitem(last=False)
        return found

    def _query(self, text: str) -> Vector:
        vector = self._model.vector(self._model.encode([text])[0])
        vector.flags.writeable = False
        return vector

    def close(self) -> None:
        self._documents.shutdown(wait=False, cancel_futures=True)
        self._queries.shutdown(wait=False, cancel_futures=True)


class MiniLmTokenizer:
    """The model's own cut of a text."""

    max_tokens = MAX_TOKENS

    def __init__(self, model: MiniLmModel) -> None:
        self._model = model

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        return self._model.spans(text)


def _cut(ids: Ids) -> Ids:
    """At most 256 tokens, the last of them the closing special one."""
    return ids if len(ids) <= MAX_TOKENS else np.concatenate([ids[: MAX_TOKENS - 1], ids[-1:]])
