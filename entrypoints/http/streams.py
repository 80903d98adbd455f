"""Server-sent events (WHATWG HTML §9.2): streams that resume, and that end with the rights they were opened with."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from domain.shared.actor import Actor, Permission
from domain.shared.errors import FastOpsError, Unavailable
from entrypoints.http.content import JSON
from entrypoints.http.documented import PROBLEM_REFERENCE, add_parameter
from entrypoints.http.exchange import exchange_of, root_of
from entrypoints.http.problems import Problem
from entrypoints.http.representations import json_bytes
from entrypoints.http.security import actor_of

MEDIA_TYPE: Final = "text/event-stream"
HEADERS: Final = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
LOOK_SECONDS: Final = 0.5
COMMENT_SECONDS: Final = 15.0
FAREWELL_SECONDS: Final = 2.0
"""How long before its connection is cut off a stream is told that the service stops."""
COMMENT: Final = b": still here\n\n"


@dataclass(frozen=True, slots=True)
class End:
    """The end of this service: whether it has begun, and how long after that connections are cut off, in seconds."""

    has_begun: Callable[[], bool]
    seconds: float


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `id` names the state that it tells, `last` that nothing follows."""

    id: str
    name: str
    data: Any
    last: bool = False

    def encode(self) -> bytes:
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (self.id.encode(), self.name.encode(), json_bytes(self.data))


Work = Callable[[Callable[[Event], None]], Awaitable[Sequence[Event]]]
"""Work that may tell one event early, and gives all of its events once they are known."""


async def followed(
    request: Request, actor: Actor, look: Callable[[Actor], Awaitable[Event]], stopping: Callable[[], bool]
) -> Response:
    """A stream of what `look` sees, an event for each new state, from the one behind Last-Event-ID on.

    Each look is made with the rights of that moment, so that a revoked caller hears nothing more. What the first look
    raises is told as a problem, what a later one raises as the event `error`. The stream ends when the service stops.
    """
    first = await look(actor)
    if first.last and first.id == last_event_id(request):
        return nothing_more()
    return StreamingResponse(_events(request, first, look, stopping), media_type=MEDIA_TYPE, headers=HEADERS)


async def worked(request: Request, permission: Permission, work: Work, end: End) -> AsyncGenerator[Event | None]:
    """The event that `work` tells early, and in the end those that it gives; None where the client should hear a sign.

    What `work` raises before its early event is raised here, later it is told as the event `error`. So is the loss of
    the right to be here, and the end of the service where the work outlasts it; both cancel the work.
    """
    early: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(work(early.set_result))
    told: Event | None = None
    try:
        either: list[asyncio.Future[Any]] = [task, early]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if early.done():
            told = early.result()
            yield told
            async for sign in _waited(request, permission, task, end):
                yield sign
        for event in behind(await task, last_event_id(request)):
            if told is None or event.id != told.id:
                yield event
    except FastOpsError as error:
        if told is None:
            raise
        yield refusal(request, error, told.id)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class WorkedOff(StreamingResponse):
    """The events of `worked`, made to the end although the client may have gone: what they tell of is kept."""

    def __init__(self, first: Event, rest: AsyncGenerator[Event | None], headers: Mapping[str, str]) -> None:
        self._parts = _encoded(first, rest)
        super().__init__(self._parts, media_type=MEDIA_TYPE, headers={**HEADERS, **headers})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        async with aclosing(self._parts):
            await self.stream_response(_while_heard(send))


def replayed(request: Request, events: Sequence[Event]) -> Response:
    """A stream of events that are all there, from the one behind Last-Event-ID on."""
    left = behind(events, last_event_id(request))
    if not left:
        return nothing_more()
    return Response(b"".join(event.encode() for event in left), media_type=MEDIA_TYPE, headers=HEADERS)


def nothing_more() -> Response:
    """Everything was heard; 204 has an EventSource come back no more."""
    return Response(status_code=204)


def behind(events: Sequence[Event], told: str | None) -> Sequence[Event]:
    """The events behind the one of this id; all of them where there is none of it."""
    places = [place for place, event in enumerate(events, start=1) if event.id == told]
    return events[places[0] :] if places else events


def last_event_id(request: Request) -> str | None:
    return exchange_of(request).header(b"last-event-id")


def refusal(request: Request, error: FastOpsError, told: str | None) -> Event:
    """The last event of a stream that cannot go on. It has the id of the one before, to resume behind that."""
    problem = Problem.of(error).members(root_of(request.scope), exchange_of(request))
    return Event(told or "", "error", problem, last=True)


async def _events(
    request: Request, event: Event, look: Callable[[Actor], Awaitable[Event]], stopping: Callable[[], bool]
) -> AsyncIterator[bytes]:
    told = last_event_id(request)
    silent = 0.0
    while True:
        if event.id != told:
            yield event.encode()
            told, silent = event.id, 0.0
        elif silent >= COMMENT_SECONDS:
            yield COMMENT
            silent = 0.0
        if event.last or stopping():
            return
        await asyncio.sleep(LOOK_SECONDS)
        silent += LOOK_SECONDS
        try:
            event = await look(await actor_of(request))
        except FastOpsError as error:
            yield refusal(request, error, told).encode()
            return


async def _encoded(first: Event, rest: AsyncGenerator[Event | None]) -> AsyncGenerator[bytes]:
    async with aclosing(rest):
        yield first.encode()
        async for event in rest:
            yield COMMENT if event is None else event.encode()


async def _waited(
    request: Request, permission: Permission, task: "asyncio.Future[Any]", end: End
) -> AsyncIterator[None]:
    """Wait for the task, with a look at the caller's rights every half second and a sign of life now and then."""
    silent, left = 0.0, end.seconds - FAREWELL_SECONDS
    while not (await asyncio.wait({task}, timeout=LOOK_SECONDS))[0]:
        (await actor_of(request)).require(permission)
        if end.has_begun():
            left -= LOOK_SECONDS
            if left <= 0:
                raise Unavailable("shutting_down", "The service is stopping; try again in a moment.")
        silent += LOOK_SECONDS
        if silent >= COMMENT_SECONDS:
            yield None
            silent = 0.0


def _while_heard(send: Send) -> Send:
    """`send` without the OSError that servers of ASGI 2.4 raise once the client has gone; others are silent anyway."""

    async def heard(message: Message) -> None:
        with suppress(OSError):
            await send(message)

    return heard


def stream_of(events: Mapping[str, Any], example: str) -> dict[str, Any]:
    """What OpenAPI says of a stream, and in `x-itemSchema` (`itemSchema` from OpenAPI 3.2 on) what of each event:
    by its name, the schema of its data."""
    kinds = [_described(name, data) for name, data in {**events, "error": {"$ref": PROBLEM_REFERENCE}}.items()]
    content = {"schema": {"type": "string"}, "x-itemSchema": {"oneOf": kinds}, "example": example}
    return {MEDIA_TYPE: content}


def _described(name: str, data: dict[str, Any]) -> dict[str, Any]:
    text = {"type": "string", "contentMediaType": JSON, "contentSchema": data}
    members = {"id": {"type": "string"}, "event": {"const": name}, "data": text}
    return {"type": "object", "required": list(members), "properties": members}


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
        operation["responses"].setdefault("204", {"description": "Nothing follows the event of Last-Event-ID."})
