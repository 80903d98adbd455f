"""Any endpoint that speaks OpenAI's embeddings."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import httpx2
import numpy as np

from adapters.embeddings.lanes import Progress, in_lanes
from adapters.embeddings.recent import RecentVectors
from application.knowledge.retrieval import Matrix, Vector
from domain.shared.errors import Unavailable

TEXTS_PER_CALL = 64
CHARACTERS_PER_CALL = 200_000
CALLS_AT_ONCE = 2
CONNECT_SECONDS = 3.0
QUERY_SECONDS = 5.0
DOCUMENT_SECONDS = 60.0
ANSWER_BYTES_MAX = 64 * 1024 * 1024
RETRY_AFTER_DEFAULT, RETRY_AFTER_MAX = 5.0, 3600.0
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
DIMENSIONS: Mapping[str, int] = MappingProxyType(
    {
        "all-minilm": 384,
        "bge-m3": 1024,
        "mxbai-embed-large": 1024,
        "nomic-embed-text": 768,
        "text-embedding-3-large": 3072,
        "text-embedding-3-small": 1536,
        "text-embedding-ada-002": 1536,
    }
)


class OpenAICompatibleEmbedder:
    """The port `Embedder` over `<url>/embeddings` with a bearer key, which stands in no error or representation.

    Raises Unavailable with `retry_after` whenever the endpoint gives no usable vectors. Without `dimension`, and for a
    model that is not known here, the first answer tells it: call `warm` before reading it.
    """

    def __init__(self, url: str, model: str, key: str | None = None, dimension: int | None = None) -> None:
        self.name = model
        self._url = f"{url.rstrip('/')}/embeddings"
        self._dimension = dimension or DIMENSIONS.get(model)
        self._recent = RecentVectors()
        self._client = httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {}, follow_redirects=False
        )

    @property
    def dimension(self) -> int:
        if self._dimension is None:
            raise _unavailable("embedding_dimension_unknown", "The embedding endpoint has not answered yet.")
        return self._dimension

    async def warm(self) -> None:
        """Ask the endpoint once, which checks address, key and model and tells the dimension."""
        await self.query("ready?")

    async def query(self, text: str) -> Vector:
        """See the port. Takes at most 5 s. The vector is read-only."""
        known = self._recent.get(text)
        if known is not None:
            return known
        return self._recent.put(text, (await self._vectors([text], QUERY_SECONDS))[0])

    async def documents(self, texts: Sequence[str], *, progress: Progress | None = None) -> Matrix:
        """See the port. Calls of at most 64 texts, two at a time, 60 s each."""
        parts: dict[int, Matrix] = {}

        async def embed(batch: range) -> None:
            parts[batch.start] = await self._vectors([texts[place] for place in batch], DOCUMENT_SECONDS)

        await in_lanes(_batches(texts), CALLS_AT_ONCE, embed, progress)
        if not parts:
            return np.empty((0, self._dimension or 0), dtype=np.float32)
        return np.concatenate([parts[start] for start in sorted(parts)])

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _vectors(self, texts: Sequence[str], seconds: float) -> Matrix:
        whole = [text.encode("utf-8", "replace").decode("utf-8") or " " for text in texts]
        request = {"model": self.name, "input": whole, "encoding_format": "float"}
        try:
            async with asyncio.timeout(seconds):
                status, headers, body = await self._post(request, seconds)
        except TimeoutError as error:
            raise _unavailable("embedding_slow", "The embedding endpoint did not answer in time.") from error
        except httpx2.HTTPError as error:
            raise _unavailable("embedding_unreachable", "The embedding endpoint cannot be reached.") from error
        if status != httpx2.codes.OK:
            raise _refusal(status, headers.get("Retry-After"))
        vectors = _normalised(_rows(body, len(texts)))
        if vectors.shape[1] != (self._dimension or vectors.shape[1]):
            raise _unavailable("embedding_dimension_changed", "The endpoint's vectors changed their dimension.")
        self._dimension = vectors.shape[1]
        return vectors

    async def _post(self, request: Mapping[str, Any], seconds: float) -> tuple[int, httpx2.Headers, bytes]:
        timeout = httpx2.Timeout(seconds, connect=CONNECT_SECONDS)
        body = bytearray()
        async with self._client.stream("POST", self._url, json=request, timeout=timeout) as response:
            async for part in response.aiter_bytes():
                body += part
                if len(body) > ANSWER_BYTES_MAX:
                    raise _malformed()
            return response.status_code, response.headers, bytes(body)


def _batches(texts: Sequence[str]) -> Iterator[range]:
    """Runs of texts that fit into one call, by number and by characters."""
    start = size = 0
    for place, text in enumerate(texts):
        if place > start and (place - start == TEXTS_PER_CALL or size + len(text) > CHARACTERS_PER_CALL):
            yield range(start, place)
            start, size = place, 0
        size += len(text)
    if start < len(texts):
        yield range(start, len(texts))


def _rows(body: bytes, wanted: int) -> Matrix:
    """The vectors by their `index`, which need not be the order of the answer."""
    try:
        items: Any = json.loads(body)["data"]
        by_index = {int(item["index"]): item["embedding"] for item in items}
        rows = np.array([by_index[place] for place in range(wanted)], dtype=np.float32)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise _malformed() from error
    if rows.ndim != 2 or rows.shape[1] == 0 or len(by_index) != wanted:
        raise _malformed()
    return rows


def _normalised(rows: Matrix) -> Matrix:
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise _malformed()
    normalised: Matrix = (rows / lengths).astype(np.float32)
    return normalised


def _refusal(status: int, retry_after: str | None) -> Unavailable:
    if status in BUSY:
        code = "embedding_busy" if status == httpx2.codes.TOO_MANY_REQUESTS else "embedding_failed"
        return _unavailable(code, "The embedding endpoint is overloaded or failing; try again later.", retry_after)
    if status in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN):
        return _unavailable("embedding_key_refused", "The embedding endpoint refuses the key; check EMBEDDING_KEY.")
    detail = f"The embedding endpoint refuses the request ({status}); check EMBEDDING_URL and EMBEDDING_MODEL."
    return _unavailable("embedding_refused", detail)


def _malformed() -> Unavailable:
    return _unavailable("embedding_malformed", "The embedding endpoint's answer cannot be read.")


def _unavailable(code: str, detail: str, retry_after: str | None = None) -> Unavailable:
    """Seconds in Retry-After (RFC 9110 §10.2.3) are kept to; a date there counts as none."""
    named = float(retry_after) if retry_after is not None and retry_after.strip().isdecimal() else RETRY_AFTER_DEFAULT
    return Unavailable(code, detail, retry_after=min(named, RETRY_AFTER_MAX))
