"""A small embedding model for tests: words hashed into a few dimensions, the same on every machine."""

import re
from collections.abc import Sequence
from zlib import crc32

import numpy as np

from application.knowledge.retrieval import Matrix, Vector

DIMENSION = 64
_WORD = re.compile(r"\w+")


class WordEmbedder:
    """Texts with common words are near to each other."""

    name = "words-64"
    dimension = DIMENSION

    async def documents(self, texts: Sequence[str]) -> Matrix:
        return np.stack([_embedded(text) for text in texts]) if texts else np.zeros((0, DIMENSION), np.float32)

    async def query(self, text: str) -> Vector:
        return _embedded(text)

    def close(self) -> None:
        """Holds nothing."""


class WordTokenizer:
    """One token a word."""

    max_tokens = 256

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        return [match.span() for match in _WORD.finditer(text)]


def _embedded(text: str) -> Vector:
    vector = np.full(DIMENSION, 1e-3, np.float32)
    for word in _WORD.findall(text.casefold()):
        vector[crc32(word.encode()) % DIMENSION] += 1.0
    return vector / np.linalg.norm(vector)
