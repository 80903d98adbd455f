"""The trail as it was sealed, in memory."""

from collections.abc import Sequence
from uuid import UUID

from adapters.persistence import listings
from adapters.persistence.memory.lists import page_of
from adapters.persistence.memory.tables import MemoryDatabase
from application.audit.ports import Unplaced
from domain.audit.chain import GENESIS, Seal
from domain.audit.checkpoints import Checkpoint
from domain.audit.evidence import SHOWN, StoredEntry
from domain.shared.errors import NotFound
from domain.shared.values import ListQuery, Page


class MemorySealedTrail:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def seals(self, behind: int, limit: int) -> Sequence[Seal]:
        return [seal for seal in self._database.seals if seal.number > behind][:limit]

    async def latest(self) -> Seal | None:
        return self._database.seals[-1] if self._database.seals else None

    async def seal_at(self, position: int) -> Seal | None:
        return next((seal for seal in self._database.seals if seal.last_position >= position), None)

    async def heads(self, query: ListQuery) -> Page[Checkpoint]:
        seals = {seal.number: seal for seal in self._database.seals}
        rows, after = page_of([{"number": number} for number in seals], listings.SEALS, query)
        before = {number + 1: seal.head for number, seal in seals.items()}
        numbers = [row["number"] for row in rows]
        return Page([Checkpoint.of(seals[number], before.get(number, GENESIS)) for number in numbers], after)

    async def place(self, id: UUID) -> int | None:
        for position, entry in enumerate(self._database.entries, 1):
            if entry.id == id:
                return position
        raise NotFound()

    async def entries(self, first: int, last: int) -> Sequence[StoredEntry]:
        found = []
        for position, entry in enumerate(self._database.entries[first - 1 : last], first):
            side = [entry.personal.get(name) for name in ("salt", "body", "actor_salt", "actor_body")]
            columns = (entry.id, entry.at, *(entry.columns[name] for name in SHOWN))
            found.append(StoredEntry._make((position, entry.body, *side, columns)))
        return found

    async def unplaced(self, limit: int) -> Sequence[Unplaced]:  # noqa: ARG002 (every entry here has its place)
        return []

    async def end(self) -> int:
        return len(self._database.entries)
