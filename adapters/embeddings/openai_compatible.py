"""Embeddings from any endpoint that speaks OpenAI's form: POST {base}/embeddings with a model and a list of texts."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import httpx2
import numpy as np

from application.knowledge.retrieval import Matrix, Vector
from domain.shared.errors import Unavailable

BATCH = 64
TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
QUERIES_KEPT = 2048


class OpenAiEmbedder:
    """Batches of 64 texts. Every failure of the endpoint is Unavailable; its key is in no message and no log."""

    def __init__(self, base_url: str, model: str, key: str | None, dimension: int) -> None:
        self.name, self.dimension = f"{model}-{dimension}", dimension
        self._model, self._base = model, base_url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx2.AsyncClient(timeout=TIMEOUT, headers=headers)
        self._recent: OrderedDict[str, Vector] = OrderedDict()

    async def documents(self, texts: Sequence[str]) -> Matrix:
        parts = [await self._embed(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)]
        return np.concatenate(parts) if parts else np.empty((0, self.dimension), dtype=np.float32)

    async def query(self, text: str) -> Vector:
        if text not in self._recent:
            self._recent[text] = (await self._embed([text]))[0]
            if len(self._recent) > QUERIES_KEPT:
                self._recent.popitem(last=False)
        return self._recent[text]

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _embed(self, texts: Sequence[str]) -> Matrix:
        body = {"model": self._model, "input": list(texts), "encoding_format": "float"}
        try:
            response = await self._client.post(f"{self._base}/embeddings", json=body)
        except httpx2.HTTPError as error:
            raise Unavailable("embedder_unavailable", "The embedding endpoint does not answer.") from error
        if response.status_code != httpx2.codes.OK:
            raise Unavailable(
                "embedder_unavailable",
                f"The embedding endpoint refused with status {response.status_code}.",
                retry_after=_seconds(response.headers.get("Retry-After")),
            )
        return self._matrix(response, len(texts))

    def _matrix(self, response: httpx2.Response, count: int) -> Matrix:
        try:
            items: list[Any] = sorted(response.json()["data"], key=lambda item: item["index"])
            found = np.array([item["embedding"] for item in items], dtype=np.float32)
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("embedder_unavailable", "The embedding endpoint gave no vectors.") from error
        if found.shape != (count, self.dimension) or not np.isfinite(found).all():
            detail = f"The embedding endpoint gave vectors of another form than {self.dimension} dimensions."
            raise Unavailable("embedder_unavailable", detail)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        matrix: Matrix = found / np.maximum(lengths, np.float32(1e-12))
        return matrix


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None
