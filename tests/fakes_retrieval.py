"""Stand-ins for models: words as tokens, words hashed into a few dimensions, calls in place, readers that fail."""

import asyncio
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from application.knowledge.retrieval import Matrix, Vector
from domain.knowledge.errors import ExtractionFailed
from domain.knowledge.extracts import Extract, ExtractionReason, Heading
from domain.shared.errors import Unavailable

R = TypeVar("R")
WORD = re.compile(r"\w+")


class HereExecutor:
    """Runs calls where they are, or is full."""

    def __init__(self) -> None:
        self.full = False

    async def __call__(self, call: Callable[[], R]) -> R:
        if self.full:
            raise Unavailable("busy", "Too many searches at once; try again.", retry_after=1)
        return call()


class WordTokenizer:
    """One token a word, for small budgets in tests."""

    max_tokens = 256

    def spans(self, text: str) -> Sequence[tuple[int, int]]:
        return [found.span() for found in WORD.finditer(text)]


class WordEmbedder:
    """Words hashed into 64 dimensions: texts that share words are near. `down` and `poison` make it fail."""

    name = "words"
    dimension = 64

    def __init__(self) -> None:
        self.down = False
        self.poison = ""
        self.calls: list[int] = []

    async def documents(self, texts: Sequence[str]) -> Matrix:
        self.calls.append(len(texts))
        self._check(texts)
        return np.stack([self._vector(text) for text in texts]) if texts else np.empty((0, 64), dtype=np.float32)

    async def query(self, text: str) -> Vector:
        self._check([text])
        return self._vector(text)

    def _check(self, texts: Sequence[str]) -> None:
        if self.down:
            raise Unavailable("embedder_down", "The embedding model cannot be reached.")
        if self.poison and any(self.poison in text for text in texts):
            raise RuntimeError("the model fell over")

    def _vector(self, text: str) -> Vector:
        vector = np.zeros(64, dtype=np.float32)
        for word in WORD.findall(text.casefold()):
            digest = zlib.crc32(word.encode())
            vector[digest % 64] += 1 if digest & 64 else -1
        length = float(np.linalg.norm(vector))
        return vector / length if length else np.full(64, 0.125, dtype=np.float32)


class FileReader:
    """Reads files as UTF-8 with `# ` headings; by their words some fail as real ones do."""

    def __init__(self) -> None:
        self.down = False
        self.seen: list[tuple[str | None, str | None]] = []

    async def extract(self, source: Path, *, media_type: str | None, file_name: str | None) -> Extract:
        self.seen.append((media_type, file_name))
        if self.down:
            raise Unavailable("extraction_unavailable", "No reader can be started.")
        text = await asyncio.to_thread(source.read_text)
        if "ENCRYPTED" in text:
            raise ExtractionFailed(ExtractionReason.ENCRYPTED)
        if "DEFECT" in text:
            raise RuntimeError("a defect of the reader")
        headings = tuple(Heading(*found.span(1), 1) for found in re.finditer(r"(?m)^# (.+)$", text))
        title = text[slice(headings[0].start, headings[0].end)] if headings else None
        return Extract(text=text, media_type="text/markdown", title=title, headings=headings)

    async def close(self) -> None:
        """Nothing to close."""
