"""Explicit mapping and the collecting half of a unit of work: what was loaded, what changed, what is to be written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

from application.shared.unit_of_work import Rule
from domain.shared.entity import Aggregate, DomainEvent
from domain.shared.errors import FastOpsError, NotFound, StaleVersion

Row = dict[str, Any]
A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True)
class Unique:
    """A unique constraint: its columns in their order, and the refusal where it is broken."""

    columns: tuple[str, ...]
    error: type[FastOpsError]


ONE_OF_EACH = Unique(("id",), StaleVersion)
"""For what has the id of its owner: of two first ones at once the later sees the other, as with any other change."""


@dataclass(frozen=True)
class Owned:
    """Rows of a set that an aggregate owns: the member of the row that holds them, their table and its parent key.

    Of a `large` set the journal tells what came and went, not the whole of it each time.
    """

    member: str
    table: str
    parent: str
    large: bool = False


@dataclass(frozen=True)
class AggregateMapping(Generic[A]):
    """How one aggregate becomes a row and its owned rows, and what of it the journal may show.

    `personal` values lie in the journal's side row, `secret` ones nowhere in it. Machinery is not `journaled`.
    What is `private` belongs to whoever acted, so its personal values are erased with that person.
    A change of a member in `rights`, and a removal where there are any, moves the epoch of rights.
    """

    kind: str
    table: str
    to_row: Callable[[A], Row]
    from_row: Callable[[Row], A]
    owned: tuple[Owned, ...] = ()
    unique: tuple[Unique, ...] = ()
    personal: frozenset[str] = frozenset()
    secret: frozenset[str] = frozenset()
    rights: frozenset[str] = frozenset()
    private: bool = False
    journaled: bool = True

    def row(self, entity: A) -> Row:
        base = {"id": entity.id, "created_at": entity.created_at, "updated_at": entity.updated_at}
        return base | {"version": entity.version} | self.to_row(entity)


@dataclass(frozen=True)
class Change:
    """One aggregate as it was and as it becomes; `before` is None for a new one, `after` for a removed one."""

    mapping: AggregateMapping[Any]
    id: UUID
    before: Row | None
    after: Row | None
    events: tuple[DomainEvent, ...]

    @property
    def moves_rights(self) -> bool:
        """Whether somebody's rights may be others from now on. Nobody remembers what is new."""
        rights, before, after = self.mapping.rights, self.before, self.after
        if before is None or not rights:
            return False
        return after is None or any(before[name] != after[name] for name in rights)

    @property
    def version(self) -> int:
        """The version that this change makes."""
        return (self.before["version"] if self.before else 0) + 1


@dataclass(frozen=True)
class BulkWrite:
    """Untracked rows: those where `column` equals `value` go, `rows` come."""

    table: str
    column: str
    value: Any
    rows: Sequence[Row] = ()


@dataclass
class Tracked(Generic[A]):
    entity: A
    mapping: AggregateMapping[A]
    before: Row | None
    removed: bool = False


@dataclass
class Tracker:
    """Identity map of one unit of work; `changes` compares each entity with the row it came from."""

    _tracked: dict[tuple[str, UUID], Tracked[Any]] = field(default_factory=dict)
    bulk: list[BulkWrite] = field(default_factory=list)
    guards: list[tuple[Rule, UUID]] = field(default_factory=list)

    def find(self, mapping: AggregateMapping[A], id: UUID) -> Tracked[A] | None:
        return self._tracked.get((mapping.kind, id))

    def load(self, mapping: AggregateMapping[A], row: Row) -> A:
        """The entity of a row, the same object each time it is met."""
        known = self.find(mapping, row["id"])
        if known is not None:
            return known.entity
        entity = mapping.from_row(row)
        entity.version = row["version"]
        self._tracked[mapping.kind, entity.id] = Tracked(entity, mapping, mapping.row(entity))
        return entity

    def add(self, mapping: AggregateMapping[A], entity: A) -> None:
        self._tracked[mapping.kind, entity.id] = Tracked(entity, mapping, None)

    def remove(self, mapping: AggregateMapping[A], entity: A) -> None:
        tracked = self._tracked[mapping.kind, entity.id]
        if tracked.before is None:
            del self._tracked[mapping.kind, entity.id]
        tracked.removed = True

    def changes(self) -> list[Change]:
        """What is to be written; entities that are as they were are left out."""
        found = []
        for tracked in self._tracked.values():
            after = None if tracked.removed else tracked.mapping.row(tracked.entity)
            if after == tracked.before and not tracked.entity.events:
                continue
            found.append(Change(tracked.mapping, tracked.entity.id, tracked.before, after, tracked.entity.events))
        for change in found:
            if change.after is not None:
                change.after["version"] = change.version
        return found

    def settle(self, changes: Sequence[Change]) -> None:
        """After the commit: entities carry their new version and no events, so that work may go on."""
        for change in changes:
            tracked = self._tracked[change.mapping.kind, change.id]
            tracked.entity.settle(change.version)
            if change.after is None:
                del self._tracked[change.mapping.kind, change.id]
            else:
                tracked.before = tracked.mapping.row(tracked.entity)
        self.bulk.clear()
        self.guards.clear()


class TrackedRepository(Generic[A]):
    """get, find, add and remove for one aggregate; stores say how a row is read."""

    mapping: AggregateMapping[A]

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    async def _rows(self, ids: Sequence[UUID]) -> Sequence[Row]:
        raise NotImplementedError

    async def find(self, id: UUID) -> A | None:
        return (await self.find_many([id]))[0]

    async def find_many(self, ids: Sequence[UUID]) -> list[A | None]:
        """The entities of these ids in their order, with one look at the store; None for each that is not there."""
        unknown = [one for one in ids if self._tracker.find(self.mapping, one) is None]
        if unknown:
            for row in await self._rows(unknown):
                self._load(row)
        known = [self._tracker.find(self.mapping, one) for one in ids]
        return [None if one is None or one.removed else one.entity for one in known]

    async def get(self, id: UUID, expected: int | None = None) -> A:
        """Raises NotFound, or StaleVersion where `expected` is given and differs from what is stored."""
        entity = await self.find(id)
        if entity is None:
            raise NotFound()
        if expected is not None and entity.version != expected:
            raise StaleVersion()
        return entity

    def add(self, entity: A) -> None:
        self._tracker.add(self.mapping, entity)

    def remove(self, entity: A) -> None:
        self._tracker.remove(self.mapping, entity)

    def _load(self, row: Row) -> A:
        return self._tracker.load(self.mapping, row)

    def _load_all(self, rows: Sequence[Mapping[str, Any]]) -> list[A]:
        """Entities of rows, those removed in this work left out."""
        loaded = [self._load(dict(row)) for row in rows]
        return [entity for entity in loaded if not self._is_removed(entity)]

    def _is_removed(self, entity: A) -> bool:
        known = self._tracker.find(self.mapping, entity.id)
        return known is None or known.removed
