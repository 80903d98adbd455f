"""Language models that say what a test tells them: an object, and a chat-completions endpoint on the loopback.

The endpoint answers, stalls, trickles, fails and limits.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from application.knowledge.ports import Completion, Passage
from domain.shared.errors import Unavailable

KEY = "sk-local-stand-in-0123456789"


@dataclass
class ScriptedModel:
    """Says `text`, and is down while it is None. What it was shown stays in `shown`."""

    text: str | None = None
    name: str = "scripted"
    shown: list[tuple[str, Sequence[Passage]]] = field(default_factory=list)

    async def answer(self, question: str, passages: Sequence[Passage]) -> Completion:
        self.shown.append((question, passages))
        if self.text is None:
            raise Unavailable("language_model_missing", "No language model is set.")
        return Completion(self.text, "scripted-1", {"total_tokens": 3})


@dataclass
class StandIn:
    """What the endpoint does next, and what it was asked. `text` is what the model says."""

    url: str = ""
    text: str = "The passages say so [1]."
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    stall: bool = False
    trickle: bool = False
    hang_up: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)

    def answer(self) -> bytes:
        if self.body is not None:
            return self.body
        message = {"role": "assistant", "content": self.text}
        usage = {"prompt_tokens": 120, "completion_tokens": 9, "total_tokens": 129, "queue_time": 0.01}
        return json.dumps({"model": "stand-in-1", "choices": [{"message": message}], "usage": usage}).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = [line.partition(":") for line in head.split("\r\n")[1:]]
        headers = {name.strip().lower(): value.strip() for name, _, value in lines}
        self.authorizations.append(headers.get("authorization"))
        self.asked.append(json.loads(await reader.readexactly(int(headers["content-length"]))))
        if self.hang_up:
            return
        if self.stall:
            await asyncio.Event().wait()
        body = self.answer()
        own = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
        shown = "".join(f"{name}: {value}\r\n" for name, value in (own | self.headers).items())
        writer.write(f"HTTP/1.1 {self.status} Stand-in\r\n{shown}\r\n".encode())
        for place in range(0, len(body), 1 if self.trickle else len(body)):
            writer.write(body[place : place + (1 if self.trickle else len(body))])
            await writer.drain()
            if self.trickle:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def language_model_stand_in() -> AsyncIterator[StandIn]:
    """A running stand-in; `url` is what LANGUAGE_MODEL_URL would be."""
    stand_in = StandIn()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await stand_in.serve(reader, writer)
        except asyncio.CancelledError:
            writer.close()
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    stand_in.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield stand_in
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
