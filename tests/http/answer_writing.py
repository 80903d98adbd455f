"""A service on a real socket with a language model that writes when a test lets it, and ears for its streams."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from dependency_injector.providers import Object
from fastapi import FastAPI

from application.knowledge.ports import Completion, Passage
from entrypoints.http.app import create_app
from entrypoints.settings.settings import Settings
from entrypoints.wiring.lifecycle import Extent, running
from tests.fakes import ManualClock
from tests.fakes_language_model import ScriptedModel
from tests.http.service import Caller, Service, quick_container
from tests.http.test_collections import made_by
from tests.http.test_documents import submitted
from tests.server.sockets import served

GIVE_UP_SECONDS = 20
STREAM = {"Accept": "text/event-stream"}
QUESTION = {"question": "How many days of leave a year has everyone?"}
WRITTEN = "Everyone has thirty days of leave a year [1]. The moon is made of cheese [7]."
VERIFIED = "Everyone has thirty days of leave a year [1]."


@dataclass
class WaitingModel(ScriptedModel):
    """Says its text when each turn comes: a turn begins when it is asked and ends when the test sets the event."""

    text: str | None = WRITTEN
    turns: asyncio.Queue[asyncio.Event] = field(default_factory=asyncio.Queue)
    gave_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def next_turn(self) -> asyncio.Event:
        """Wait until the model is asked; what to set so that it answers."""
        async with asyncio.timeout(GIVE_UP_SECONDS):
            return await self.turns.get()

    async def answer(self, question: str, passages: Sequence[Passage]) -> Completion:
        self.shown.append((question, passages))
        may_answer = asyncio.Event()
        self.turns.put_nowait(may_answer)
        try:
            await may_answer.wait()
        except asyncio.CancelledError:
            self.gave_up.set()
            raise
        return Completion(self.text or "", "scripted-1", {"total_tokens": 3})

    def close(self) -> None:
        """Holds nothing."""


@dataclass
class Library(Service):
    """A service with one ingested document, its editor, and the model that writes its answers."""

    model: WaitingModel = field(default_factory=WaitingModel)
    clock: ManualClock = field(default_factory=ManualClock)
    editor: Caller = field(init=False)
    document: dict[str, Any] = field(init=False)
    collection: str = ""

    async def fill(self) -> None:
        self.editor = await self.person("editor")
        self.collection = (await made_by(self.editor))["id"]
        self.document = await submitted(self.editor, self.collection, title="Leave")
        await self.ingest()

    @asynccontextmanager
    async def asking(self, key: str | None = None, caller: Caller | None = None) -> AsyncIterator["Heard"]:
        """An open stream of an answer."""
        headers = {**(caller or self.editor).headers, **STREAM, **({"Idempotency-Key": key} if key else {})}
        async with self.client.stream("POST", "/api/v1/answers", json=QUESTION, headers=headers) as response:
            yield Heard(response)


class Heard:
    """The events of a stream while it runs."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.location: str = response.headers.get("location", "")
        self._parts = response.aiter_text()
        self._text = ""

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            while "\n\n" not in self._text:
                self._text += await anext(self._parts)
        block, _, self._text = self._text.partition("\n\n")
        (event,) = heard(block)
        return event

    async def rest(self) -> list[dict[str, Any]]:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            async for part in self._parts:
                self._text += part
        return heard(self._text)


def heard(text: str) -> list[dict[str, Any]]:
    """The events of a stream: id, name and data; comments are left out."""
    events = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            events.append({**fields, "data": json.loads(fields["data"])})
    return events


@asynccontextmanager
async def a_library(settings: Settings) -> AsyncIterator[Library]:
    container, model, clock = quick_container(settings), WaitingModel(), ManualClock()
    container.language.model.override(Object(model))
    container.persistence.clock.override(Object(clock))
    app = create_app(container, lifespan=_started_already)
    async with running(container, Extent.SEARCH), served(app) as listening:
        base = f"http://127.0.0.1:{listening.port}"
        async with httpx2.AsyncClient(base_url=base, timeout=30) as client:
            library = Library(app, container, client, model=model, clock=clock)
            await library.fill()
            yield library


@asynccontextmanager
async def _started_already(_: FastAPI) -> AsyncIterator[None]:
    yield
