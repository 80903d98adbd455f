"""The trail as it was sealed, in memory."""

from collections.abc import Sequence

from adapters.persistence.memory.tables import MemoryDatabase
from application.audit.ports import Unplaced
from domain.audit.chain import Seal
from domain.audit.evidence import SHOWN, StoredEntry


class MemorySealedTrail:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def seals(self, behind: int, limit: int) -> Sequence[Seal]:
        return [seal for seal in self._database.seals if seal.number > behind][:limit]

    async def latest(self) -> Seal | None:
        return self._database.seals[-1] if self._database.seals else None

    async def seal_at(self, position: int) -> Seal | None:
        return next((seal for seal in self._database.seals if seal.last_position >= position), None)

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
