"""Requests that come in crowds begin one after the other, so that all other requests find their way between them."""

import asyncio
from collections import deque
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

CROWDED: Final = "/api/v1/auth/"


class Turns:
    """Pure ASGI. One request on a crowded path begins in each turn of the loop, which looks for others in between.

    Hundreds that arrive together would otherwise run in one turn, and whatever comes meanwhile waits for the last.
    """

    def __init__(self, app: ASGIApp, crowded: str = CROWDED) -> None:
        self._app, self._crowded = app, crowded
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(self._crowded):
            await self._turn()
        await self._app(scope, receive, send)

    async def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        mine = loop.create_future()
        self._waiting.append(mine)
        if len(self._waiting) == 1:
            loop.call_soon(self._let_one_begin)
        await mine

    def _let_one_begin(self) -> None:
        first = self._waiting.popleft()
        if not first.done():  # its client may have gone
            first.set_result(None)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._let_one_begin)
