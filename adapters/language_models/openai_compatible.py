"""Any endpoint that speaks OpenAI's chat completions, Groq among them."""

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
from loguru import logger

from adapters.language_models.prompt import messages
from application.knowledge.ports import Completion, Passage
from domain.shared.errors import Unavailable

GROQ_URL = "https://api.groq.com/openai/v1"
GROQ_MODEL = "llama-3.3-70b-versatile"
ANSWER_TOKENS = 800
ANSWER_BYTES_MAX = 1024 * 1024
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
RETRY_AFTER_MAX = 3600.0
RETRY_AFTER_DEFAULT = 5.0
NAME_MAX = 200
COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504, 529})


class OpenAICompatible:
    """Asks `<url>/chat/completions` with a bearer key. The key stands in no error, log line or representation."""

    def __init__(self, url: str, model: str, key: str | None = None, seconds: float = ANSWER_SECONDS) -> None:
        self.name = model
        self._url = f"{url.rstrip('/')}/chat/completions"
        self._seconds = seconds
        self._client = httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx2.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
            follow_redirects=False,
        )

    @classmethod
    def groq(cls, key: str, model: str | None = None) -> "OpenAICompatible":
        """Groq's endpoint, with its usual large model unless another is named."""
        return cls(GROQ_URL, model or GROQ_MODEL, key)

    async def answer(self, question: str, passages: Sequence[Passage]) -> Completion:
        """See the port. The whole call takes at most the seconds it was made with, however slowly it is answered.

        Answers are made of quotes without it, so nobody sees a refusal: the log alone tells its code.
        """
        try:
            return await self._answer(question, passages)
        except Unavailable as error:
            logger.bind(event="language_model", code=error.code).warning(error.detail)
            raise

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _answer(self, question: str, passages: Sequence[Passage]) -> Completion:
        request = {
            "model": self.name,
            "messages": messages(question, passages),
            "temperature": 0,
            "max_tokens": ANSWER_TOKENS,
        }
        try:
            async with asyncio.timeout(self._seconds):
                status, headers, body = await self._post(request)
        except TimeoutError as error:
            raise _unavailable("language_model_slow", "The language model did not answer in time.") from error
        except httpx2.HTTPError as error:
            raise _unavailable("language_model_unreachable", "The language model cannot be reached.") from error
        if status != httpx2.codes.OK:
            raise _refusal(status, headers)
        return self._completion(body)

    async def _post(self, request: Mapping[str, Any]) -> tuple[int, httpx2.Headers, bytes]:
        body = bytearray()
        async with self._client.stream("POST", self._url, json=request) as response:
            async for part in response.aiter_bytes():
                body += part
                if len(body) > ANSWER_BYTES_MAX:
                    raise _malformed()
            return response.status_code, response.headers, bytes(body)

    def _completion(self, body: bytes) -> Completion:
        try:
            answer: Any = json.loads(body)
            text = answer["choices"][0]["message"]["content"]
            usage, model = answer.get("usage"), answer.get("model")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise _malformed() from error
        if not isinstance(text, str) or not text.strip():
            raise _malformed()
        named = model if isinstance(model, str) and 0 < len(model) <= NAME_MAX else self.name
        return Completion(text.strip(), named, _counts(usage))


def _counts(usage: Any) -> Mapping[str, Any] | None:
    """The endpoint's counts of tokens, as far as they are counts."""
    if not isinstance(usage, dict):
        return None
    counts = {name: usage[name] for name in COUNTS if isinstance(usage.get(name), int)}
    return counts or None


def _refusal(status: int, headers: httpx2.Headers) -> Unavailable:
    if status in BUSY:
        code = "language_model_busy" if status == httpx2.codes.TOO_MANY_REQUESTS else "language_model_failed"
        detail = "The language model is overloaded or failing; try again later."
        return _unavailable(code, detail, _retry_after(headers.get("Retry-After")))
    if status in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN):
        detail = "The language model refuses the key; check LANGUAGE_MODEL_KEY or GROQ_API_KEY."
        return _unavailable("language_model_key_refused", detail)
    detail = f"The language model refuses the request ({status}); check LANGUAGE_MODEL_URL and LANGUAGE_MODEL."
    return _unavailable("language_model_refused", detail)


def _malformed() -> Unavailable:
    return _unavailable("language_model_malformed", "The language model's answer cannot be read.")


def _unavailable(code: str, detail: str, retry_after: float | None = None) -> Unavailable:
    return Unavailable(code, detail, retry_after=RETRY_AFTER_DEFAULT if retry_after is None else retry_after)


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait (RFC 9110 §10.2.3: seconds or a date), None where none are named."""
    if value is None:
        return None
    seconds: float | None = None
    with suppress(ValueError, TypeError, OverflowError):
        seconds = float(value)
    if seconds is None:
        with suppress(ValueError, TypeError, OverflowError):
            at = parsedate_to_datetime(value)
            seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    if seconds is None or math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_MAX)
