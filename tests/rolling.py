"""Load on two services behind a proxy while one after the other is restarted, and what became of each request."""

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.wire import Dropped, Wire

JSON = {"content-type": "application/json"}
CALLERS = 40


@dataclass
class Tally:
    """Outcomes by what was asked, times in seconds, and the names of what was acknowledged as made."""

    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    made: list[str] = field(default_factory=list)

    @property
    def failed(self) -> dict[str, int]:
        return {outcome: count for outcome, count in self.outcomes.items() if not outcome.endswith((" 200", " 201"))}


class Load:
    """So many requests a second on kept connections: who am I, a list, and a creation with an Idempotency-Key."""

    def __init__(self, port: int, authority: dict[str, str], per_second: float) -> None:
        self._authority, self._pause = authority, 1 / per_second
        self._free: asyncio.Queue[Wire] = asyncio.Queue()
        for _ in range(CALLERS):
            self._free.put_nowait(Wire(port))
        self.tally = Tally()

    async def run(self, until: asyncio.Event) -> Tally:
        loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()
        begun = loop.time()
        for number in itertools.count():
            if until.is_set():
                break
            await asyncio.sleep(max(0.0, begun + number * self._pause - loop.time()))
            task = asyncio.create_task(self._ask(number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
        while not self._free.empty():
            await self._free.get_nowait().close()
        return self.tally

    async def _ask(self, number: int) -> None:
        wire, loop = await self._free.get(), asyncio.get_running_loop()
        name, method, path, body = f"c-{uuid4().hex}", "GET", ("/me", "/collections?limit=20")[number % 2], None
        fields = dict(self._authority)
        if number % 4 == 3:
            method, path, body = "POST", "/collections", f'{{"name": "{name}"}}'.encode()
            fields |= JSON | {"idempotency-key": uuid4().hex}
        begun = loop.time()
        try:
            status: Any = (await wire.request(method, f"/api/v1{path}", fields, body)).status
        except (Dropped, OSError) as error:
            status = repr(error)
        self.tally.seconds.append(loop.time() - begun)
        self.tally.outcomes[f"{method} {path.partition('?')[0]} {status}"] += 1
        if status == 201:
            self.tally.made.append(name)
        self._free.put_nowait(wire)


async def names_of_collections(port: int, authority: dict[str, str]) -> list[str]:
    """All that are there, page by page."""
    wire, names, cursor = Wire(port), list[str](), ""
    while True:
        reply = await wire.request("GET", f"/api/v1/collections?limit=200{cursor}", authority)
        names += [item["name"] for item in reply.json["items"]]
        if reply.json["next_cursor"] is None:
            await wire.close()
            return names
        cursor = f"&cursor={reply.json['next_cursor']}"
