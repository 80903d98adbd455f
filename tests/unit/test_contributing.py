"""The examples of CONTRIBUTING.md are one program, and it works."""

import re
from functools import cached_property
from pathlib import Path
from typing import Any

from adapters.persistence.memory.unit_of_work import MemoryStore, MemoryUnitOfWork
from adapters.persistence.tracking import AggregateMapping
from tests.stores import Store, memory_store

ROOT = Path(__file__).parents[2]
IMPORTS = """
from dataclasses import dataclass
from typing import ClassVar, Protocol
from uuid import UUID
import pytest
import typer
from pydantic import BaseModel, Field
from adapters.persistence.memory.repositories import MemoryRepository
from adapters.persistence.tracking import AggregateMapping
from application.shared.ports import Clock
from application.shared.unit_of_work import Commits, Operation, Repeat, Work, repeatable
from domain.shared.actor import Actor, Permission, system_actor
from domain.shared.entity import Aggregate, DomainEvent
from domain.shared.errors import WrongState
from domain.shared.values import Instant, new_id
"""


async def test_the_examples_run() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {"__name__": "contributing"}
    exec(IMPORTS + "\n".join(blocks), names)

    def memory_store_with(mapping: AggregateMapping[Any]) -> Store:
        store = memory_store()
        store.database.tables[mapping.table] = {}
        store.work = _work_with(store.work, names["MemoryShelves"])
        return store

    names["memory_store_with"] = memory_store_with
    promises = [value for name, value in names.items() if name.startswith("test_")]
    assert promises
    for promise in promises:
        await promise()


def _work_with(work: MemoryStore, repository: Any) -> MemoryStore:
    class Unit(MemoryUnitOfWork):
        @cached_property
        def shelves(self) -> Any:
            return repository(self._tracker, self._store.database)

    class Opened(MemoryStore):
        unit = Unit

    return Opened(work.database, work.clock, work.records)
