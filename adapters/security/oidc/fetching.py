"""Requests to a provider, bounded in time and size. What it names is fetched; where it redirects to is not."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from domain.identity.errors import ProviderUnavailable

ANSWER_BYTES_MAX = 512 * 1024
CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 5.0
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}
"""Nothing is decompressed, so what is counted is what there is."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer: its status, and its JSON members, none where it is no JSON object."""

    status: int
    members: Mapping[str, Any] = field(default_factory=dict)


class Fetcher:
    """One pool of connections for all providers, made when the first one is asked."""

    def __init__(self, seconds: float = ANSWER_SECONDS) -> None:
        self._seconds = seconds
        self._client: httpx2.AsyncClient | None = None

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Fetched:
        """Raises ProviderUnavailable where there is no answer in time, or one that is too large."""
        return await self._fetch("GET", url, None, headers or {})

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Fetched:
        """The same, with a form."""
        return await self._fetch("POST", url, form, headers or {})

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _fetch(
        self, method: str, url: str, form: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> Fetched:
        if self._client is None:
            timeout = httpx2.Timeout(self._seconds, connect=min(CONNECT_SECONDS, self._seconds))
            self._client = httpx2.AsyncClient(timeout=timeout, follow_redirects=False, headers=_HEADERS)
        body = bytearray()
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client.stream(method, url, data=form, headers=headers) as answer,
            ):
                async for part in answer.aiter_raw():
                    body += part
                    if len(body) > ANSWER_BYTES_MAX:
                        raise ProviderUnavailable("sends more than is read")
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL):
            raise ProviderUnavailable("cannot be reached, or not in time") from None
        return Fetched(answer.status_code, _members(bytes(body)))


def _members(body: bytes) -> Mapping[str, Any]:
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}
