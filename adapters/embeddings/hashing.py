"""Vectors from hashed words: no model, no meaning, but texts with common words are near. For tests and oracles."""

import re
from collections.abc import Sequence
from zlib import crc32

import numpy as np

from application.knowledge.retrieval import Matrix, Vector

_WORD = re.compile(r"\w+|[^\w\s]")


class HashingEmbedder:
    """Each word adds or takes one in a dimension of its own; the sum is normalised."""

    def __init__(self, dimension: int = 384) -> None:
        self.name, self.dimension = f"hashing-{dimension}", dimension

    async def documents(self, texts: Sequence[str]) -> Matrix:
        found = [self._vector(text) for text in texts]
        return np.stack(found) if found else np.empty((0, self.dimension), dtype=np.float32)

    async def query(self, text: str) -> Vector:
        return self._vector(text)

    def close(self) -> None:
        """Nothing is held."""

    def _vector(self, text: str) -> Vector:
        vector = np.zeros(self.dimension, dtype=np.float32)
        for word in _WORD.findall(text.casefold()) or [""]:
            code = crc32(word.encode("utf-8", "surrogatepass"))
            vector[code % self.dimension] += 1 if code & 0x8000_0000 else -1
        length = float(np.linalg.norm(vector))
        if length == 0:
            vector[0] = length = 1.0
        return vector / np.float32(length)


class WordTokenizer:
    """Words and signs as tokens."""

    def __init__(self, max_tokens: int = 256) -> None:
        self.max_tokens = max_tokens

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        return [match.span() for match in _WORD.finditer(text)]
