"""A line to PostgreSQL that can lose the answer to a commit, or break before a commit arrives.

A commit is a COMMIT, or the execution of a statement that writes a whole unit: that was prepared under a name before.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum

COMMIT = b"COMMIT;\x00"
WHOLE_UNIT = re.compile(rb"P.{4}(\w+)\x00WITH part_0 ", re.DOTALL)
DONE = b"Z\x00\x00\x00\x05I"
"""The server waits for the next query, outside a transaction."""


class Fate(Enum):
    """What becomes of the next commit."""

    DELIVERED = "delivered"
    ANSWER_LOST = "the server commits, and its answer is never seen"
    LINE_LOST = "the same, and no connection comes through until `is_cut` is taken back"
    LOST = "the connection breaks before it"


class CommitLine:
    """Carries connections to the server on `target`; `fate` holds for one commit and is then back to DELIVERED."""

    def __init__(self, target: int) -> None:
        self.fate = Fate.DELIVERED
        self.port = 0
        self.commits = 0
        self.is_cut = False
        self._target = target
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        if self.is_cut:
            to_client.transport.abort()
            return
        server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        answering = asyncio.create_task(_pass_on(server, to_client))
        commits = [COMMIT]
        try:
            while data := await client.read(65536):
                is_commit = any(commit in data for commit in commits)
                commits += [b"\x00" + name + b"\x00" for name in WHOLE_UNIT.findall(data)]
                fate, self.fate = (self.fate, Fate.DELIVERED) if is_commit else (Fate.DELIVERED, self.fate)
                self.commits += is_commit
                if fate is Fate.LOST:
                    return
                if fate in {Fate.ANSWER_LOST, Fate.LINE_LOST}:
                    self.is_cut = fate is Fate.LINE_LOST
                    answering.cancel()
                    to_server.write(data)
                    await server.readuntil(DONE)  # so it is done before anybody learns of the break
                    return
                to_server.write(data)
                await to_server.drain()
        except OSError:
            pass
        finally:
            answering.cancel()
            to_client.transport.abort()
            to_server.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def commit_line(target: int) -> AsyncIterator[CommitLine]:
    """An open line; ends its connections at the end."""
    line = CommitLine(target)
    server = await asyncio.start_server(line.take, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        await line.close()
        await server.wait_closed()
