"""Journal entries as they are written: one text that is hashed, and the personal values beside it.

Personal values are two texts: who acted, and what of the target is personal. The body holds SHA-256(salt ‖ text) of
each, so either can be erased and the history still verifies.
"""

import json
import os
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from adapters.persistence.tracking import Change, Row
from application.shared.notes import Note
from application.shared.unit_of_work import Operation
from domain.audit.chain import personal_digest
from domain.shared.actor import Actor
from domain.shared.entity import plain
from domain.shared.values import Instant, new_id

HIDDEN = "[hidden]"
_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME
BOOKKEEPING = frozenset({"version", "created_at", "updated_at", "id"})


class Entry(NamedTuple):
    """One journal entry: columns to filter by, the body that is sealed, and the personal side row."""

    id: UUID
    at: Instant
    columns: Row
    body: str
    personal: Row


def canonical(value: Any) -> str:
    """JSON text with sorted members and no white space, the same for equal values on every machine."""
    try:
        return orjson.dumps(value, default=plain, option=_SORTED).decode()
    except TypeError:  # integers beyond 64 bits
        return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def journal_entry(operation: Operation, change: Change, at: Instant) -> Entry:
    """The entry of one changed aggregate."""
    mapping = change.mapping
    before, after = _difference(change)
    facts: Row = {
        "operation": operation.name,
        "target_type": mapping.kind,
        "target_id": str(change.id),
        "version": change.version,
        "outcome": "success",
    }
    shown = {
        "before": _without(before, mapping.personal),
        "after": _without(after, mapping.personal),
        "events": [{"name": event.name, "payload": event.payload()} for event in change.events],
    }
    values = {"before": _only(before, mapping.personal), "after": _only(after, mapping.personal)}
    return _entry(operation.actor, at, facts, shown, values if any(values.values()) else None)


def noted_entry(note: Note, at: Instant) -> Entry:
    """The entry of what changed no aggregate; it has no version."""
    facts: Row = {
        "operation": note.operation,
        "target_type": note.target_type,
        "target_id": note.target_id,
        "version": 0,
        "outcome": note.outcome,
    }
    return _entry(note.actor, at, facts, {"before": note.before, "after": note.after, "events": []}, None)


def merged(body: str, *personal: str | None) -> dict[str, Any]:
    """An entry for people: its body with the personal values put back where they are still there."""
    entry: dict[str, Any] = json.loads(body)
    side: dict[str, Any] = {}
    for part in personal:
        side |= json.loads(part) if part else {}
    for part in ("before", "after"):
        if entry[part] is not None:
            entry[part] |= side.get(part) or {}
    return entry | {"actor_name": side.get("actor_name"), "client_address": side.get("client_address")}


def _entry(actor: Actor, at: Instant, facts: Row, shown: Row, values: Row | None) -> Entry:
    entry_id = new_id()
    who = {"actor_type": actor.type.value, "actor_id": actor.id, "request_id": actor.origin.request_id}
    columns = facts | who
    actor_salt, actor_hash, actor_body = _salted(
        {"actor_name": actor.name, "client_address": actor.origin.client_address}
    )
    salt, personal_hash, personal_body = _salted(values) if values else (None, None, None)
    hashes = {"actor_hash": actor_hash, "personal_hash": personal_hash}
    side = {"salt": salt, "body": personal_body, "actor_salt": actor_salt, "actor_body": actor_body}
    return Entry(
        id=entry_id,
        at=at,
        columns=columns,
        body=canonical(columns | shown | hashes | {"id": entry_id, "at": at}),
        personal={"entry_id": entry_id} | side,
    )


def _salted(values: Row) -> tuple[bytes, str, str]:
    """Salt, hash and text of personal values."""
    salt, text = os.urandom(16), canonical(values)
    return salt, personal_digest(salt, text), text


def _difference(change: Change) -> tuple[Row | None, Row | None]:
    """What is shown of the row as it was and as it becomes; of a row that changes, the members that differ."""
    if change.before is None or change.after is None:
        return _shown(change, change.before), _shown(change, change.after)
    names = {name for name, value in change.after.items() if change.before.get(name) != value}
    before, after = _shown(change, _only(change.before, names)), _shown(change, _only(change.after, names))
    for part in change.mapping.owned:
        if part.large and before and after and part.member in names:
            gone, come = before[part.member], after[part.member]
            before[part.member] = [item for item in gone if item not in come]
            after[part.member] = [item for item in come if item not in gone]
    return before, after


def _shown(change: Change, row: Row | None) -> Row | None:
    """A row without what every row has; of secrets it tells that they are there."""
    if row is None:
        return None
    shown = {name: value for name, value in row.items() if name not in BOOKKEEPING}
    for name in change.mapping.secret & shown.keys():
        shown[name] = HIDDEN if shown[name] is not None else None
    for part in change.mapping.owned:
        if part.member in shown:
            shown[part.member] = [_without(item, {part.parent}) for item in shown[part.member]]
    return shown


def _only(row: Row | None, names: AbstractSet[str]) -> Row | None:
    return None if row is None else {name: row[name] for name in names & row.keys()}


def _without(row: Row | None, names: AbstractSet[str]) -> Row | None:
    if row is None or not names:
        return row
    return {name: value for name, value in row.items() if name not in names}
