"""Server-sent events (WHATWG HTML §9.2): streams that resume, and that end with the rights they were opened with."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from starlette.responses import StreamingResponse

from domain.shared.actor import Actor
from domain.shared.errors import FastOpsError
from entrypoints.http.documented import add_parameter
from entrypoints.http.exchange import exchange_of
from entrypoints.http.problems import Problem
from entrypoints.http.representations import json_bytes
from entrypoints.http.security import actor_of

MEDIA_TYPE: Final = "text/event-stream"
LOOK_SECONDS: Final = 0.5
COMMENT_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `id` names the state that it tells, `last` that nothing follows."""

    id: str
    name: str
    data: Any
    last: bool = False

    def encode(self) -> bytes:
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (self.id.encode(), self.name.encode(), json_bytes(self.data))


async def followed(
    request: Request, actor: Actor, look: Callable[[Actor], Awaitable[Event]], stopping: Callable[[], bool]
) -> StreamingResponse:
    """A stream of what `look` sees, an event for each new state, from the one behind Last-Event-ID on.

    Each look is made with the rights of that moment, so that a revoked caller hears nothing more. What the first look
    raises is told as a problem, what a later one raises as the event `error`.
    """
    first = await look(actor)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(request, first, look, stopping), media_type=MEDIA_TYPE, headers=headers)


async def _events(
    request: Request, event: Event, look: Callable[[Actor], Awaitable[Event]], stopping: Callable[[], bool]
) -> AsyncIterator[bytes]:
    exchange = exchange_of(request)
    told = exchange.header(b"last-event-id")
    silent = 0.0
    while True:
        if event.id != told:
            yield event.encode()
            told, silent = event.id, 0.0
        elif silent >= COMMENT_SECONDS:
            yield b": still here\n\n"
            silent = 0.0
        if event.last or stopping():
            return
        await asyncio.sleep(LOOK_SECONDS)
        silent += LOOK_SECONDS
        try:
            event = await look(await actor_of(request))
        except FastOpsError as error:
            problem = Problem.of(error).members(request.scope.get("root_path", ""), exchange)
            yield Event(told or "", "error", problem, last=True).encode()
            return


class LastEventId:
    """Says that a stream resumes; reading the field is the stream's own."""

    @property
    def models(self) -> tuple[type, ...]:
        return ()

    async def __call__(self) -> None:
        """Nothing to do before the stream begins."""

    def describe(self, operation: dict[str, Any]) -> None:
        description = "The `id` of the last event that was heard; the stream goes on behind it."
        add_parameter(operation, "header", "Last-Event-ID", {"type": "string"}, description)
