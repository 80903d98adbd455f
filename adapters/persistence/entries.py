"""Journal entries as they are written: one text that is hashed, and the personal values beside it.

Personal values are two texts: who acted, and what of the target is personal. The body holds SHA-256(salt ‖ text) of
each, so either can be erased and the history still verifies.
"""

import json
import os
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from adapters.persistence.tracking import AggregateMapping, Change, Row
from application.shared.notes import Note
from application.shared.unit_of_work import Operation
from domain.audit.chain import personal_digest
from domain.shared.actor import Actor
from domain.shared.entity import plain
from domain.shared.values import Instant, new_id

HIDDEN = "[hidden]"
_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z
BOOKKEEPING = frozenset({"version", "created_at", "updated_at", "id"})


class Entry(NamedTuple):
    """One journal entry: its row, the body of which is sealed, and the personal side row."""

    columns: Row
    personal: Row

    @property
    def id(self) -> UUID:
        own: UUID = self.columns["id"]
        return own

    @property
    def at(self) -> Instant:
        moment: Instant = self.columns["at"]
        return moment

    @property
    def body(self) -> str:
        text: str = self.columns["body"]
        return text


def canonical(value: Any) -> str:
    """JSON text with sorted members and no white space, the same for equal values on every machine."""
    try:
        return orjson.dumps(value, default=plain, option=_SORTED).decode()
    except TypeError:  # integers beyond 64 bits
        return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def journal_entry(operation: Operation, change: Change, at: Instant) -> Entry:
    """The entry of one changed aggregate."""
    mapping, before, after = change.mapping, change.before, change.after
    events = [{"name": event.name, "payload": event.payload()} for event in change.events]
    if before is None or after is None:
        shown_before, personal_before = _parted(mapping, before)
        shown_after, personal_after = _parted(mapping, after)
    else:
        names = {name for name, value in after.items() if before.get(name) != value}
        shown_before, personal_before = _parted(mapping, before, names)
        shown_after, personal_after = _parted(mapping, after, names)
        _shorten(mapping, shown_before, shown_after)
    shown = {"before": shown_before, "after": shown_after, "events": events}
    values = {"before": personal_before, "after": personal_after} if personal_before or personal_after else None
    target = (mapping.kind, str(change.id), change.version)
    return _entry(operation.name, operation.actor, at, target, "success", shown, values)


def noted_entry(note: Note, at: Instant) -> Entry:
    """The entry of what changed no aggregate; it has no version."""
    shown: Row = {"before": note.before, "after": note.after, "events": []}
    target = (note.target_type, note.target_id, 0)
    return _entry(note.operation, note.actor, at, target, note.outcome, shown, None)


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


def _entry(
    operation: str,
    actor: Actor,
    at: Instant,
    target: tuple[str, str, int],
    outcome: str,
    shown: Row,
    values: Row | None,
) -> Entry:
    """`target` is type, id and version. All of the row but the body is in the body too."""
    entry_id, origin = new_id(), actor.origin
    target_type, target_id, version = target
    columns: Row = {
        "id": entry_id,
        "at": at,
        "operation": operation,
        "actor_type": actor.type.value,
        "actor_id": actor.id,
        "request_id": origin.request_id,
        "target_type": target_type,
        "target_id": target_id,
        "version": version,
        "outcome": outcome,
    }
    salts = os.urandom(32)
    who = {"actor_name": actor.name, "client_address": origin.client_address}
    actor_salt, actor_hash, actor_body = _salted(salts[:16], who)
    salt, personal_hash, personal_body = _salted(salts[16:], values) if values else (None, None, None)
    columns["body"] = canonical({**columns, **shown, "actor_hash": actor_hash, "personal_hash": personal_hash})
    side = {"salt": salt, "body": personal_body, "actor_salt": actor_salt, "actor_body": actor_body}
    return Entry(columns, {"entry_id": entry_id, **side})


def _salted(salt: bytes, values: Row) -> tuple[bytes, str, str]:
    """Salt, hash and text of personal values."""
    text = canonical(values)
    return salt, personal_digest(salt, text), text


@dataclass(frozen=True, slots=True)
class _Parts:
    """Which members of a row are told openly, and which apart; found out once for each kind of aggregate."""

    shown: tuple[str, ...]
    personal: tuple[str, ...]

    @classmethod
    def of(cls, mapping: AggregateMapping[Any], row: Row) -> "_Parts":
        told = [name for name in row if name not in BOOKKEEPING]
        return cls(
            tuple(name for name in told if name not in mapping.personal),
            tuple(name for name in told if name in mapping.personal),
        )


_PARTS: dict[str, _Parts] = {}


def _parted(
    mapping: AggregateMapping[Any], row: Row | None, names: AbstractSet[str] | None = None
) -> tuple[Row | None, Row | None]:
    """What is shown of a row, those of `names` where they are given, and apart from it what is personal.

    What every row has is left out; of secrets it is told that they are there.
    """
    if row is None:
        return None, None
    parts = _PARTS.get(mapping.kind)
    if parts is None:
        parts = _PARTS[mapping.kind] = _Parts.of(mapping, row)
    if names is None:
        shown, personal = {n: row[n] for n in parts.shown}, {n: row[n] for n in parts.personal}
    else:
        shown = {n: row[n] for n in parts.shown if n in names}
        personal = {n: row[n] for n in parts.personal if n in names}
    for name in mapping.secret:
        if shown.get(name) is not None:
            shown[name] = HIDDEN
    for part in mapping.owned:
        if shown.get(part.member):
            items = shown[part.member]
            shown[part.member] = [{k: v for k, v in item.items() if k != part.parent} for item in items]
    return shown, personal


def _shorten(mapping: AggregateMapping[Any], before: Row | None, after: Row | None) -> None:
    """Of large sets, leave what came and what went."""
    for part in mapping.owned:
        if part.large and before and after and part.member in before:
            gone, come = before[part.member], after[part.member]
            before[part.member] = [item for item in gone if item not in come]
            after[part.member] = [item for item in come if item not in gone]
