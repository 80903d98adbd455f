"""What was used once, in memory."""

from adapters.persistence.memory.tables import MemoryDatabase
from domain.shared.values import Instant


class MemorySpentProofs:
    def __init__(self, database: MemoryDatabase) -> None:
        self._spent = database.spent

    async def spend(self, digest: bytes, until: Instant) -> bool:
        if digest in self._spent:
            return False
        self._spent[digest] = until
        return True

    async def forget(self, now: Instant, limit: int) -> int:
        old = [digest for digest, until in self._spent.items() if until <= now][:limit]
        for digest in old:
            del self._spent[digest]
        return len(old)
