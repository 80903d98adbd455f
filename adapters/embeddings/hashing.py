"""An embedder without a model: words hashed into signed directions. The memory adapter and a help for tests."""

import hashlib
import re
import struct
from collections import Counter
from collections.abc import Sequence

import numpy as np

from adapters.embeddings.lanes import Progress
from application.knowledge.retrieval import Matrix, Vector

TOKENS = re.compile(r"\w+|[^\w\s]")
PLACES = 4
"""Directions per word: enough that two words rarely look alike in 384 dimensions."""


class HashingEmbedder:
    """The port `Embedder`: texts that share words are near each other (feature hashing, Weinberger et al. 2009).

    The same text gives the same bits on every machine. It knows no synonyms: for tests and trials only.
    """

    def __init__(self, dimension: int = 384) -> None:
        self.name = f"hashing-{dimension}"
        self.dimension = dimension

    async def warm(self) -> None:
        """Nothing is to be loaded."""

    async def documents(self, texts: Sequence[str], *, progress: Progress | None = None) -> Matrix:
        """See the port."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for place, text in enumerate(texts):
            vectors[place] = self._vector(text)
        if progress is not None and texts:
            progress(len(texts))
        return vectors

    async def query(self, text: str) -> Vector:
        """See the port."""
        return self._vector(text)

    async def close(self) -> None:
        """Nothing is held."""

    def _vector(self, text: str) -> Vector:
        sums = np.zeros(self.dimension, dtype=np.float64)
        for word, count in Counter(TOKENS.findall(text.casefold())).items():
            digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=4 * PLACES).digest()
            for hashed in struct.unpack(f"<{PLACES}I", digest):
                sums[(hashed >> 1) % self.dimension] += (1 + np.log(count)) * (1 if hashed & 1 else -1)
        length = float(np.linalg.norm(sums))
        if length == 0:
            sums[0] = length = 1.0
        return (sums / length).astype(np.float32)


class WordTokenizer:
    """The port `Tokenizer` by words and marks: for the hashing embedder and for models whose own cut is not known."""

    def __init__(self, max_tokens: int = 256) -> None:
        self.max_tokens = max_tokens

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        """See the port."""
        return [match.span() for match in TOKENS.finditer(text)]
