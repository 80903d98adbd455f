"""An embeddings endpoint on the loopback: hashed vectors, or whatever a test tells it to do instead."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from adapters.embeddings.hashing import HashingEmbedder

KEY = "sk-local-embeddings-0123456789"


@dataclass
class EmbeddingStandIn:
    """What the endpoint does next, and what it was asked. It answers in reversed order, with vectors of length 3."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    dimension: int = 384
    stall: bool = False
    hang_up: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def answer(self, request: dict[str, Any]) -> bytes:
        if self.body is not None:
            return self.body
        texts = request["input"]
        assert all(text for text in texts), "endpoints refuse empty texts"
        vectors = await HashingEmbedder(self.dimension).documents(texts)
        data = [{"index": place, "embedding": (vectors[place] * 3).tolist()} for place in reversed(range(len(texts)))]
        return json.dumps({"data": data, "model": request["model"]}).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = [line.partition(":") for line in head.split("\r\n")[1:]]
        headers = {name.strip().lower(): value.strip() for name, _, value in lines}
        self.authorizations.append(headers.get("authorization"))
        request = json.loads(await reader.readexactly(int(headers["content-length"])))
        self.asked.append(request)
        if self.stall:
            await asyncio.Event().wait()
        if self.hang_up:
            return
        await asyncio.sleep(0.01)
        body = await self.answer(request)
        own = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
        shown = "".join(f"{name}: {value}\r\n" for name, value in (own | self.headers).items())
        writer.write(f"HTTP/1.1 {self.status} Stand-in\r\n{shown}\r\n".encode() + body)
        await writer.drain()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self.serve(reader, writer)
        finally:
            self.at_once -= 1
            writer.close()


@asynccontextmanager
async def embedding_stand_in() -> AsyncIterator[EmbeddingStandIn]:
    """A running stand-in; `url` is what EMBEDDING_URL would be."""
    stand_in = EmbeddingStandIn()
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(stand_in.connected(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    stand_in.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server:
        yield stand_in
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
