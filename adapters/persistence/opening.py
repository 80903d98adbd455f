"""How every store opens operations: repeats are answered, leases taken and given back, and observers told."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from types import TracebackType
from typing import Any, TypeVar
from uuid import UUID

from adapters.persistence.repeats import RepeatRecords, RepeatWrite
from adapters.persistence.tracking import Row
from application.shared.observer import Observer
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Repeat, Replayed
from domain.shared.errors import FastOpsError

R = TypeVar("R")


class Opened:
    """An operation that is no repeat. A class and no generator, because every read goes through it."""

    __slots__ = ("_began", "_operation", "_store")

    def __init__(self, store: "OpeningStore", operation: Operation) -> None:
        self._store, self._operation = store, operation

    async def __aenter__(self) -> Any:
        self._began = time.perf_counter()
        return self._store.unit_of(self._operation)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.ended(self._operation, self._began, error if isinstance(error, FastOpsError) else None)


class OpeningStore(ABC):
    """Opens units of work; satisfies `Work` for every context's view. A store says how rows of repeats are kept."""

    def __init__(self, clock: Clock, records: RepeatRecords, observer: Observer | None) -> None:
        self.clock, self.records = clock, records
        self._observe = observer

    @abstractmethod
    def unit_of(self, operation: Operation) -> Any:
        """A new unit of work."""

    @abstractmethod
    async def find_repeat(self, key: Row) -> Row | None: ...

    @abstractmethod
    async def put_repeat(self, write: RepeatWrite) -> None:
        """Raises RepeatLost where a row is there that this one may not displace."""

    @abstractmethod
    async def remove_lease(self, key: Row, holder: UUID) -> None: ...

    @abstractmethod
    async def forget_repeats(self, limit: int) -> int:
        """See `RepeatUpkeep`."""

    def __call__(self, operation: Operation) -> AbstractAsyncContextManager[Any]:
        return Opened(self, operation) if operation.repeat is None else self._open(operation)

    async def recorded(self, repeat: Repeat) -> bytes | None:
        row = await self.find_repeat(self.records.key(repeat))
        return None if row is None else self.records.open(repeat, row, self.clock.now())

    def decode(self, result: bytes, form: type[R]) -> R:
        return self.records.decode(result, form)

    @asynccontextmanager
    async def _open(self, operation: Operation) -> AsyncIterator[Any]:
        began, refused = time.perf_counter(), None
        try:
            async with self._first_or_alone(operation):
                yield self.unit_of(operation)
        except FastOpsError as error:
            refused = error
            raise
        finally:
            self.ended(operation, began, refused)

    def ended(self, operation: Operation, began: float, refused: FastOpsError | None) -> None:
        if self._observe is not None:
            self._observe(operation, time.perf_counter() - began, refused)

    @asynccontextmanager
    async def _first_or_alone(self, operation: Operation) -> AsyncIterator[None]:
        """Refuse what was done before; hold the lease of what works outside the database."""
        repeat = operation.repeat
        assert repeat is not None
        kept = await self.recorded(repeat)
        if kept is not None:
            raise Replayed(kept)
        if not operation.outside:
            yield
            return
        lease = self.records.lease(repeat, self.clock.now())
        await self.put_repeat(lease)
        repeat.holder = lease.holder
        try:
            yield
        finally:
            if repeat.holder is not None:  # nothing was committed
                await self._give_back(repeat, repeat.holder)

    async def _give_back(self, repeat: Repeat, holder: UUID) -> None:
        """Let others begin at once, also where this one was cancelled; without a database the lease runs out."""
        repeat.holder = None
        with suppress(FastOpsError):
            await asyncio.shield(self.remove_lease(self.records.key(repeat), holder))
