"""Personal values beside journal entries in memory."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from adapters.persistence.conflicts import MAPPINGS
from adapters.persistence.entries import Entry
from adapters.persistence.memory.tables import MemoryDatabase
from adapters.persistence.tracking import AggregateMapping, Row
from domain.shared.values import Instant

PRIVATE_KINDS = {mapping.kind for mapping in MAPPINGS if mapping.private}
ACTOR, VALUES = ("actor_salt", "actor_body"), ("salt", "body")


class MemoryPersonalValues:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def erase_person(self, user_id: UUID) -> int:
        actors = {str(user_id), *self._keys_of(user_id)}

        def own(entry: Entry) -> bool:
            columns = entry.columns
            private = columns["actor_id"] in actors and columns["target_type"] in PRIVATE_KINDS
            return private or columns["target_id"] == str(user_id)

        return self._erase(lambda entry: entry.columns["actor_id"] in actors, ACTOR) + self._erase(own, VALUES)

    async def erase_older(self, than: Instant, behind: int, limit: int) -> int:
        reached = behind
        for entry in self._database.entries[behind : behind + limit]:
            if entry.at >= than:
                break
            entry.personal.update(dict.fromkeys(ACTOR + VALUES))
            reached += 1
        return reached

    def _keys_of(self, user_id: UUID) -> set[str]:
        owner = f'"owner_id":"{user_id}"'
        made = [entry for entry in self._database.entries if entry.columns["target_type"] == "api_key"]
        return {entry.columns["target_id"] for entry in made if entry.columns["version"] == 1 and owner in entry.body}

    def _erase(self, which: Callable[[Entry], bool], names: tuple[str, ...]) -> int:
        chosen = [entry for entry in self._database.entries if which(entry)]
        for entry in chosen:
            entry.personal.update(dict.fromkeys(names))
        return len(chosen)


class MemoryStoredRows:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def rows(self, mapping: AggregateMapping[Any], column: str, values: Sequence[UUID]) -> Sequence[Row]:
        return [row for row in self._database.rows(mapping.table) if row[column] in values]

    async def holding(self, mapping: AggregateMapping[Any], member: str, column: str, value: UUID) -> Sequence[Row]:
        rows = self._database.rows(mapping.table)
        return [row for row in rows if any(owned[column] == value for owned in row[member])]


class MemoryAnswerErasure:
    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def erase_answers(self, owner_id: UUID) -> int:
        answers = self._database.tables["answers"]
        mine = [key for key, row in answers.items() if row["owner_id"] == owner_id]
        for key in mine:
            del answers[key]
        return len(mine)
