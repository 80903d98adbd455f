"""A database that fails at one of its calls, as a server does that goes away: before the call, or after its commit."""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Executable, Select

from adapters.persistence.sqlalchemy.engine import Database
from adapters.persistence.sqlalchemy.errors import OutcomeUnknown
from adapters.persistence.sqlalchemy.replicas import Freshness
from adapters.persistence.sqlalchemy.unit_writer import Unit
from adapters.persistence.tracking import AggregateMapping, Row
from domain.shared.errors import FastOpsError, StorageFull, Unavailable

T = TypeVar("T")


class Fault(Enum):
    """What becomes of the chosen call. The last two befall writes alone, so only those are counted."""

    GONE = "the server does not answer"
    FULL = "there is no room, so nothing is written"
    IN_DOUBT = "it is committed, and the answer is lost"


class FailingDatabase:
    """Stands before a real database and lets everything through but the one call that is to fail."""

    def __init__(self, real: Database) -> None:
        self.real = real
        self._fault: Fault | None = None
        self._left = 0

    @property
    def dialect(self) -> str:
        return self.real.dialect

    def fail(self, call: int, fault: Fault) -> None:
        """Have the call of this number fail, counted from 1 and from now on."""
        self._left, self._fault = call, fault

    def let_through(self) -> bool:
        """Fail no more; whether the chosen call had come."""
        self._fault = None
        return self._left <= 0

    async def read(
        self, call: Callable[[Connection], T], freshness: Freshness = Freshness.PRIMARY, *, patient: bool = False
    ) -> T:
        self._before(is_write=False)
        return await self.real.read(call, freshness, patient=patient)

    async def write(self, call: Callable[[Connection], T]) -> T:
        fails = self._before(is_write=True)
        result = await self.real.write(call)
        if fails:
            raise OutcomeUnknown()
        return result

    async def keep(self, unit: Unit) -> None:
        fails = self._before(is_write=True)
        await self.real.keep(unit)
        if fails:
            raise OutcomeUnknown()

    async def row(self, mapping: AggregateMapping[Any], id: UUID) -> Row | None:
        self._before(is_write=False)
        return await self.real.row(mapping, id)

    async def rows(self, statement: Select[Any], values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        self._before(is_write=False)
        return await self.real.rows(statement, values)

    async def change(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        fails = self._before(is_write=True)
        found = await self.real.change(statement, values)
        if fails:
            raise OutcomeUnknown()
        return found

    async def close(self) -> None:
        await self.real.close()

    def _before(self, *, is_write: bool) -> bool:
        """Count this call. Raises the fault where it comes before the call; whether one comes after it."""
        if self._fault is None or (self._fault is not Fault.GONE and not is_write):
            return False
        self._left -= 1
        if self._left != 0:
            return False
        if self._fault is Fault.IN_DOUBT:
            return True
        raise _refusal(self._fault)


def _refusal(fault: Fault) -> FastOpsError:
    if fault is Fault.FULL:
        return StorageFull()
    return Unavailable("database_unavailable", "The database does not answer.", retry_after=1.0)
