"""One connection from its first byte to its last: who keeps it waiting is told so or cut off, and it ends gently."""

import asyncio
import select
from itertools import count
from typing import Any, Final

from loguru import logger
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from adapters.telemetry.logging import correlated
from domain.shared.values import new_id
from entrypoints.http import metrics
from entrypoints.http.arrival import Arrival
from entrypoints.http.early_refusals import (
    MALFORMED_REQUEST,
    SHUTTING_DOWN,
    TIMED_OUT,
    TOO_MANY_CONNECTIONS,
    answer,
)
from entrypoints.http.problems import Problem
from entrypoints.http.strict_protocol import StrictProtocol
from entrypoints.http.transport import WatchedTransport

UNWANTED_BYTES: Final = 256 * 1024
"""So much of a content is read into nothing behind its answer, for the sake of the connection."""
WORTHWHILE_BYTES: Final = 16 * 1024
"""So much of a content is there before the application looks at it, so that one sent in drops costs little."""


class Connections(ServerState):
    """What the connections of a server share: how many there may be, who waits for a request, whether all ends."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.ending = False
        self.numbers = count()
        self.waiting: dict[GuardedProtocol, None] = {}
        """Those whose next request has not come, the one that has waited longest first."""

    def has_room(self) -> bool:
        """Whether the newest connection may stay. The one that has waited longest for a request gives way to it."""
        if len(self.connections) <= self.most:
            return True
        longest = next(iter(self.waiting), None)
        if longest is None:
            return False
        longest.end("gave_way")
        return True


class GuardedProtocol(StrictProtocol):
    """Ends connections that keep this server waiting, in whatever phase they are.

    The server looks at each connection once a second, so that a request costs no timer.
    """

    server_state: Connections

    def connection_made(self, transport: Any) -> None:
        self._arrival = Arrival()
        self._watched = WatchedTransport(transport, lambda: self._deaf or self._arrival.has_content_to_come)
        super().connection_made(self._watched)  # type: ignore[arg-type]
        self.number = next(self.server_state.numbers)
        self._unwanted_bytes = 0
        self._deaf = False
        metrics.CONNECTIONS.inc()
        if self.server_state.has_room():
            self._await_head()
        else:
            self.refuse(TOO_MANY_CONNECTIONS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._deafen()
        metrics.CONNECTIONS.dec()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deaf or self.transport.is_closing():
            return
        if self._arrival.is_awaited:
            self._arrival.head_begins(self.loop.time())
        super().data_received(data)

    def resume_writing(self) -> None:
        self._watched.drained()
        super().resume_writing()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._arrival.head_begins(self.loop.time())

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if not self._upgrading:
            self._arrival.content_begins(self.loop.time())
            self._unwanted_bytes = 0
            self.server_state.waiting.pop(self, None)

    def on_body(self, body: bytes) -> None:
        """Keep small parts until they are worth the application's while; the end of the content wakes it anyway."""
        self._arrival.content_came(len(body))
        if not self.cycle.response_complete and len(self.cycle.body) + len(body) < WORTHWHILE_BYTES:
            self.cycle.body += body
            self._empty_bytes = 0
            return
        super().on_body(body)
        if self.cycle.response_complete:
            self._unwanted_bytes += len(body)
            if self._unwanted_bytes > UNWANTED_BYTES:
                self._stop(MALFORMED_REQUEST)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if not self._upgrading:
            self._arrival.content_is_whole()
            if self.cycle.response_complete:
                self._await_head()

    def on_response_complete(self) -> None:
        """In place of uvicorn's, which sets a timer for each request."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._deaf:
            self._watched.linger()
        elif not self._arrival.has_content_to_come:
            self._await_head()

    def look(self, now: float) -> None:
        """End what keeps this server waiting. To be called once a second."""
        if self._watched.is_stuck(now):
            self.give_up_answer()
        elif self._watched.has_lingered(now):
            self.transport.abort()
        elif self.flow.read_paused:
            self._arrival.held_up(now)
        elif self._arrival.is_idle(now):
            self.end("idle")
        elif self._arrival.is_slow(now):
            self.refuse(TIMED_OUT)

    @property
    def unsent(self) -> int:
        """Bytes of answers that wait for the client to take them."""
        return self._watched.unsent

    def give_up_answer(self) -> None:
        metrics.ENDED.labels("answer_not_taken").inc()
        self.transport.abort()

    def retire(self, now: float) -> None:
        """End a connection that nobody has used for a moment. One in use is told by its next answer."""
        if self._arrival.is_quiet(now) and not self._has_unread():
            self.end("stopped")

    def cut_off(self) -> None:
        """Give up the request at work, whose time is over, and say so where that is still possible."""
        if self.transport.is_closing() or self.pipeline or self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
        else:
            self._deafen()
            self._give_up(SHUTTING_DOWN)

    def end(self, reason: str) -> None:
        """Close a connection on which nothing is at work."""
        metrics.ENDED.labels(reason).inc()
        self._deafen()
        self._watched.close_at_once()

    def refuse(self, problem: Problem) -> None:
        """Tell the problem in place of the answer to what is arriving, and end the connection.

        What came whole before that is answered first, and the end of the connection says the rest.
        """
        metrics.ENDED.labels(problem.code).inc()
        arriving = self._arrival.has_content_to_come
        self._deafen()
        if arriving and self.pipeline:
            self.pipeline.popleft()
        elif arriving:
            self._give_up(problem)
        elif self.cycle is None or self.cycle.response_complete:
            self._tell(problem)

    def _await_head(self) -> None:
        self.server_state.waiting[self] = None
        self._arrival.awaited(self.loop.time())

    def _deafen(self) -> None:
        """Hear nothing more of this client."""
        self._deaf = True
        self._arrival.ended()
        self.server_state.waiting.pop(self, None)

    def _give_up(self, problem: Problem) -> None:
        """The application takes the request for one whose client has gone."""
        cycle = self.cycle
        if cycle.response_complete:
            self._watched.linger()
            return
        cycle.disconnected = True
        cycle.message_event.set()
        if cycle.response_started:
            self.transport.abort()
        else:
            self._tell(problem)

    def _tell(self, problem: Problem) -> None:
        request_id = str(new_id())
        with correlated(request_id):
            client = self.client[0] if self.client else None
            logger.bind(event="refused", status=problem.status, code=problem.code, client=client).info("refused")
        self.transport.write(answer(problem, self.root_path, request_id, self.server_state.default_headers))
        self._watched.linger()

    def _has_unread(self) -> bool:
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        super()._start_asgi_task(cycle, self._answering(cycle, app))

    def _answering(self, cycle: RequestResponseCycle, app: Any) -> Any:
        """The application, whose last answer says that it is the last one, and who may be stopped without an error."""

        async def answered(scope: Scope, receive: Receive, send: Send) -> None:
            async def told(message: Message) -> None:
                if message["type"] == "http.response.start":
                    if not self.pipeline and (self._deaf or self.server_state.ending):
                        cycle.keep_alive = False
                elif scope["http_version"] == "1.0":
                    cycle.expected_content_length = len(message.get("body", b""))
                await send(message)

            try:
                await app(scope, receive, told)
            except asyncio.CancelledError:
                if not cycle.disconnected:
                    raise

        return answered
