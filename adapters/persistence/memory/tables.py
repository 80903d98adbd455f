"""Tables as dictionaries, with the constraints that the SQL ones have. One commit is applied whole or not at all."""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from adapters.persistence.conflicts import MAPPINGS, refusal
from adapters.persistence.entries import Entry
from adapters.persistence.repeats import RepeatWrite
from adapters.persistence.tracking import BulkWrite, Change, Row
from application.shared.journal import SetAside
from application.shared.unit_of_work import RepeatLost, Rule
from domain.audit.chain import Seal
from domain.identity.roles import ADMIN, BUILT_IN
from domain.identity.users import UserKind, UserStatus
from domain.shared.errors import Conflict, StaleVersion

PARENTS = {
    "passwords": ("id", "users"),
    "sessions": ("user_id", "users"),
    "api_keys": ("owner_id", "users"),
    "one_time_tokens": ("user_id", "users"),
    "exports": ("user_id", "users"),
    "totp_factors": ("id", "users"),
    "recovery_codes": ("id", "users"),
    "identities": ("user_id", "users"),
    "passkeys": ("user_id", "users"),
}
MACHINERY = ("last_used_at", "last_step")
"""Columns that no aggregate knows."""
_PLACES = {mapping.table: place for place, mapping in enumerate(MAPPINGS)}
Tables = dict[str, dict[UUID, Row]]
RepeatKey = tuple[str, str, str]


def _administrator_left(tables: Tables, _subject: UUID) -> bool:
    return any(
        row["status"] == UserStatus.ACTIVE.value
        and row["kind"] == UserKind.PERSON.value
        and any(owned["role"] == ADMIN.name for owned in row["roles"])
        and _can_sign_in(tables, row["id"])
        for row in tables["users"].values()
    )


def _can_sign_in(tables: Tables, user_id: UUID) -> bool:
    ways = [*tables["identities"].values(), *(row for row in tables["passkeys"].values() if row["cloned_at"] is None)]
    return user_id in tables["passwords"] or any(row["user_id"] == user_id for row in ways)


def _roles_in_place(tables: Tables, _subject: UUID) -> bool:
    there = BUILT_IN.keys() | {row["name"] for row in tables["roles"].values()}
    return all(owned["role"] in there for row in tables["users"].values() for owned in row["roles"])


def _has_factor(tables: Tables, user_id: UUID) -> bool:
    totp = tables["totp_factors"].get(user_id)
    passkeys = tables["passkeys"].values()
    return (totp is not None and totp["confirmed_at"] is not None) or any(row["user_id"] == user_id for row in passkeys)


def _long_or_beside_factor(tables: Tables, user_id: UUID) -> bool:
    password = tables["passwords"].get(user_id)
    return password is None or not password["is_short"] or _has_factor(tables, user_id)


def _codes_beside_factor(tables: Tables, user_id: UUID) -> bool:
    return user_id not in tables["recovery_codes"] or _has_factor(tables, user_id)


GUARDS: dict[str, Callable[[Tables, UUID], bool]] = {
    "identity.short_password": _long_or_beside_factor,
    "identity.recovery_codes": _codes_beside_factor,
    "identity.way_in": _can_sign_in,
    "identity.last_administrator": _administrator_left,
    "identity.roles_in_place": _roles_in_place,
}


@dataclass
class MemoryDatabase:
    """Everything that one installation holds, in this process only."""

    tables: Tables = field(default_factory=lambda: {mapping.table: {} for mapping in MAPPINGS})
    chunks: dict[int, Row] = field(default_factory=dict)
    next_chunk: int = 1
    entries: list[Entry] = field(default_factory=list)
    repeats: dict[RepeatKey, Row] = field(default_factory=dict)
    rights_epoch: int = 0
    head_key: int = 1
    seals: list[Seal] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    spent: dict[bytes, Any] = field(default_factory=dict)
    leases: dict[str, tuple[str, Any]] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    set_aside: dict[tuple[str, int], SetAside] = field(default_factory=dict)

    def row(self, table: str, id: UUID) -> Row | None:
        return copy.deepcopy(self.tables[table].get(id))

    def rows(self, table: str) -> list[Row]:
        """All rows, oldest first; copies, so that nobody changes what is stored."""
        found = sorted(self.tables[table].values(), key=lambda row: (row["created_at"], str(row["id"])))
        return copy.deepcopy(found)

    def write(
        self,
        changes: Sequence[Change],
        bulk: Sequence[BulkWrite],
        guards: Iterable[tuple[Rule, UUID]],
        entries: Sequence[Entry],
        repeat: RepeatWrite | None,
    ) -> None:
        """Check everything on a copy, then put it in place."""
        tables = {name: dict(rows) for name, rows in self.tables.items()}
        for change in _ordered(changes):
            _apply(tables, change)
        _check_parents(tables, changes)
        for change in changes:
            _check_unique(tables, change)
        for rule, subject in guards:
            if not GUARDS[rule.name](tables, subject):
                raise rule.error()
        if repeat is not None:
            self.put_repeat(repeat)
        self.tables = tables
        self._write_chunks(bulk)
        self.entries.extend(entries)
        self.rights_epoch += any(change.moves_rights for change in changes)

    def put_repeat(self, write: RepeatWrite) -> None:
        known = self.repeats.get(repeat_key(write.row))
        if known is not None and not write.may_displace(known):
            raise RepeatLost()
        self.repeats[repeat_key(write.row)] = write.row

    def _write_chunks(self, bulk: Sequence[BulkWrite]) -> None:
        for write in bulk:
            kept = {n: row for n, row in self.chunks.items() if row[write.column] != write.value}
            for row in write.rows:
                kept[self.next_chunk] = dict(row) | {"number": self.next_chunk}
                self.next_chunk += 1
            self.chunks = kept
        documents = self.tables["documents"]
        self.chunks = {n: row for n, row in self.chunks.items() if row["document_id"] in documents}


def repeat_key(row: Row) -> RepeatKey:
    return row["principal"], row["route"], row["key_hash"]


def _ordered(changes: Sequence[Change]) -> list[Change]:
    """Parents are written before their children and removed after them."""
    removed = sorted(
        (change for change in changes if change.after is None), key=lambda change: -_PLACES[change.mapping.table]
    )
    return [change for change in changes if change.after is not None] + removed


def _apply(tables: Tables, change: Change) -> None:
    rows = tables[change.mapping.table]
    stored = rows.get(change.id)
    if change.before is None and stored is not None:
        raise refusal(None, (change.mapping.table, "id"))
    if change.before is not None and (stored is None or stored["version"] != change.before["version"]):
        raise StaleVersion()
    if change.after is None:
        rows.pop(change.id, None)
        _cascade(tables, change.mapping.table, change.id)
    else:
        kept = {name: stored[name] for name in MACHINERY if stored and name in stored}
        rows[change.id] = kept | copy.deepcopy(change.after)


def _cascade(tables: Tables, parent: str, id: UUID) -> None:
    for child, (column, table) in PARENTS.items():
        if table == parent:
            tables[child] = {key: row for key, row in tables[child].items() if row[column] != id}
    if parent == "users":
        for key, row in tables["user_groups"].items():
            members = [member for member in row["members"] if member["user_id"] != id]
            tables["user_groups"][key] = row | {"members": members}


def _check_parents(tables: Tables, changes: Sequence[Change]) -> None:
    for change in changes:
        parent = PARENTS.get(change.mapping.table)
        if not parent or change.after is None or change.id not in tables[change.mapping.table]:
            continue
        if change.after[parent[0]] not in {None, *tables[parent[1]]}:
            raise Conflict("reference_missing", "Something that this refers to is gone.")


def _check_unique(tables: Tables, change: Change) -> None:
    if change.after is None:
        return
    for unique in change.mapping.unique:
        values = [change.after[column] for column in unique.columns]
        for row in tables[change.mapping.table].values():
            if row["id"] != change.id and [row[column] for column in unique.columns] == values:
                raise refusal(None, (change.mapping.table, *unique.columns))
