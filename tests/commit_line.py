"""A line to PostgreSQL that can lose the answer to a COMMIT, or break before a COMMIT arrives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum

COMMIT = b"COMMIT;\x00"


class Fate(Enum):
    """What becomes of the next COMMIT."""

    DELIVERED = "delivered"
    ANSWER_LOST = "the server commits, and its answer is never seen"
    LOST = "the connection breaks before it"


class CommitLine:
    """Carries connections to the server on `target`; `fate` holds for one COMMIT and is then back to DELIVERED."""

    def __init__(self, target: int) -> None:
        self.fate = Fate.DELIVERED
        self.port = 0
        self.commits = 0
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
        server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        answering = asyncio.create_task(_pass_on(server, to_client))
        try:
            while data := await client.read(65536):
                fate, self.fate = (self.fate, Fate.DELIVERED) if COMMIT in data else (Fate.DELIVERED, self.fate)
                self.commits += COMMIT in data
                if fate is Fate.LOST:
                    return
                if fate is Fate.ANSWER_LOST:
                    answering.cancel()
                    to_server.write(data)
                    await server.readuntil(b"COMMIT\x00")  # so it is done before anybody learns of the break
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
