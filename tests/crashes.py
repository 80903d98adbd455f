"""Rounds of `kill -9` while many clients write at once: what was acknowledged, and what becomes of each repeat."""

import asyncio
import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.cli.conftest import Terminal
from tests.cli.serving import Serving
from tests.wire import Dropped, Reply, Wire

EMAIL, PASSWORD = "ada@example.com", "seven green tractors at dawn"
QUIET = {"RATE_LIMITS": "off", "LOG_LEVEL": "WARNING"}
LISTS = {
    "collection": ("/api/v1/collections", "name"),
    "key": ("/api/v1/api-keys", "name"),
    "user": ("/api/v1/users", "name"),
}
REPEATING_AT_ONCE = 50


def installed(folder: Path, **settings: str) -> Terminal:
    """A fresh installation with one administrator; on SQLite unless the settings name a database."""
    terminal = Terminal(folder, QUIET | settings)
    if "DATABASE_URL" in settings:
        terminal.environment["MASTER_KEY"] = terminal.done("keys", "make-master").out.strip()
    terminal.done("db", "upgrade")
    arguments = ("--email", EMAIL, "--name", "Ada", "--role", "admin", "--password-stdin")
    terminal.done("user", "create", *arguments, stdin=PASSWORD + "\n")
    return terminal


@dataclass(frozen=True, slots=True)
class Round:
    """What one kill did. All but the first two numbers must be 0."""

    acknowledged: int
    ready_seconds: float
    missing: int
    differing: int
    refused: int
    twice: int

    @property
    def is_fine(self) -> bool:
        return not (self.missing or self.differing or self.refused or self.twice)


@dataclass(frozen=True, slots=True)
class Write:
    """One thing to make, under a key of its own."""

    kind: str
    name: str

    @property
    def content(self) -> dict[str, object]:
        more = {"key": {"scopes": ["search"]}, "user": {"email": f"{self.name}@example.com"}, "collection": {}}
        return {"name": self.name, **more[self.kind]}


class Crashes:
    """One installation whose service is killed again and again; `start` begins it anew."""

    def __init__(self, start: Callable[[], Serving], writes: int) -> None:
        self._start, self._writes = start, writes
        self.service = start().wait_ready()

    def close(self) -> None:
        if self.service.process.poll() is None:
            self.service.stop()

    def round(self, number: int) -> Round:
        """Kill it at some moment among all writes at once, start it again, and repeat every write."""
        return asyncio.run(self._round(number))

    async def _round(self, number: int) -> Round:
        kinds = list(LISTS)
        writes = [Write(kinds[n % len(kinds)], f"r{number}-{n}") for n in range(self._writes)]
        fields = self._fields()
        wanted = random.Random(number).randrange(1, self._writes * 9 // 10)
        before = await self._until_killed(writes, fields, wanted)
        began = time.monotonic()
        self.service = self._start().wait_ready()
        ready = time.monotonic() - began
        fields = self._fields()
        kept = await self._names(fields)
        after = await self._repeated(writes, fields)
        there = Counter(await self._names(fields))
        return Round(
            acknowledged=len(before),
            ready_seconds=ready,
            missing=len({write.name for write in before} - set(kept)),
            differing=sum(after[write].body != reply.body for write, reply in before.items()),
            refused=sum(reply.status != 201 for reply in after.values()),
            twice=sum(there[write.name] != 1 for write in writes),
        )

    def _fields(self) -> dict[str, str]:
        token = self.service.sign_in(EMAIL, PASSWORD)
        return {"authorization": f"Bearer {token}", "content-type": "application/json"}

    async def _until_killed(self, writes: list[Write], fields: dict[str, str], wanted: int) -> dict[Write, Reply]:
        """The answers of success that came before the end, which is when so many have come."""
        answers: dict[Write, Reply] = {}
        enough = asyncio.Event()

        async def send(write: Write) -> None:
            wire = Wire(self.service.port)
            with suppress(Dropped, OSError):
                reply = await _sent(wire, write, fields)
                if reply.status == 201:
                    answers[write] = reply
                if len(answers) >= wanted:
                    enough.set()
            await wire.close()

        sending = asyncio.gather(*map(send, writes))
        ended = asyncio.create_task(enough.wait())
        await asyncio.wait([ended, sending], return_when=asyncio.FIRST_COMPLETED)
        self.service.process.send_signal(signal.SIGKILL)
        await sending
        ended.cancel()
        await asyncio.to_thread(self.service.stop, signal.SIGKILL)
        return answers

    async def _repeated(self, writes: list[Write], fields: dict[str, str]) -> dict[Write, Reply]:
        answers: dict[Write, Reply] = {}
        left = iter(writes)

        async def send() -> None:
            wire = Wire(self.service.port)
            for write in left:
                answers[write] = await _sent(wire, write, fields)
            await wire.close()

        await asyncio.gather(*(send() for _ in range(REPEATING_AT_ONCE)))
        return answers

    async def _names(self, fields: dict[str, str]) -> list[str]:
        """The names of everything that is there, page by page."""
        names, wire = list[str](), Wire(self.service.port)
        for path, member in LISTS.values():
            cursor = ""
            while cursor is not None:
                page = (await wire.request("GET", f"{path}?limit=200{cursor}", fields)).json
                names += [item[member] for item in page["items"]]
                cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None
        await wire.close()
        return names


async def _sent(wire: Wire, write: Write, fields: dict[str, str]) -> Reply:
    path, _ = LISTS[write.kind]
    keyed = fields | {"idempotency-key": write.name}
    return await wire.request("POST", path, keyed, json.dumps(write.content).encode())
