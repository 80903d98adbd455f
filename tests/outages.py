"""Clients that keep asking a service while its database is away, and what they were told."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tests.wire import Reply, Wire

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}
PAUSE = 0.25


@dataclass(frozen=True, slots=True)
class Told:
    """One answer, with the seconds at which its request was sent and it had come."""

    what: str
    asked: float
    answered: float
    reply: Reply


@dataclass
class Crowd:
    """Clients that each ask one thing after the other: reads, lists, keyed creates, sign-ins, and probes."""

    port: int
    authority: dict[str, str]
    credentials: dict[str, str]
    told: list[Told] = field(default_factory=list)
    is_over: bool = False

    def since(self, moment: float) -> list[Told]:
        """What was asked from then on."""
        return [told for told in self.told if told.asked >= moment]

    async def client(self, number: int) -> None:
        """Signs in anew with every tenth round; more would load the processors with hashing alone."""
        name, wire, n = f"client-{number}", Wire(self.port), 0
        while not self.is_over:
            n += 1
            await self._ask(wire, "me", "GET", "/api/v1/me", self.authority)
            await self._ask(wire, "list", "GET", "/api/v1/users?limit=5", self.authority)
            content = json.dumps({"name": f"{name}-{n}"}).encode()
            keyed = self.authority | JSON | {"idempotency-key": f"{name}-{n}"}
            await self._ask(wire, "create", "POST", "/api/v1/collections", keyed, content)
            if (n + number) % 10 == 0:
                form = urlencode({"grant_type": "password", **self.credentials}).encode()
                await self._ask(wire, "sign-in", "POST", "/api/v1/auth/token", FORM, form)
            await asyncio.sleep(PAUSE)
        await wire.close()

    async def probe(self, path: str) -> None:
        wire = Wire(self.port)
        while not self.is_over:
            await self._ask(wire, path, "GET", path, {})
            await asyncio.sleep(PAUSE)
        await wire.close()

    async def _ask(
        self, wire: Wire, what: str, method: str, path: str, fields: dict[str, str], body: bytes | None = None
    ) -> None:
        asked = time.monotonic()
        reply = await wire.request(method, path, fields, body)
        self.told.append(Told(what, asked, time.monotonic(), reply))


@asynccontextmanager
async def crowd_at(
    port: int, authority: dict[str, str], credentials: dict[str, str], clients: int
) -> AsyncIterator[Crowd]:
    """So many clients and two probes; at the end each finishes what it has asked. A lost answer is raised then."""
    crowd = Crowd(port, authority, credentials)
    async with asyncio.TaskGroup() as tasks:
        for n in range(clients):
            tasks.create_task(crowd.client(n))
        for path in ("/livez", "/readyz"):
            tasks.create_task(crowd.probe(path))
        try:
            yield crowd
        finally:
            crowd.is_over = True
