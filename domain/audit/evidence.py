"""Holding stored entries against their seals, and seals against each other."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from domain.audit.chain import GENESIS, Seal, chained_head, leaf, merkle_root, personal_digest
from domain.audit.findings import Finding, Flaw

SHOWN = ("operation", "actor_type", "actor_id", "request_id", "target_type", "target_id", "version", "outcome")
"""Members of an entry that are columns too, behind `id` and `at`."""
SOUGHT_PER_BATCH = 20
_shown = itemgetter(*SHOWN)

VerifySignature = Callable[[str, bytes, bytes], bool]
"""Whether the key of this id made this signature (third) of this statement (second); False for unknown keys."""


class StoredEntry(NamedTuple):
    """An entry at its place, as it is stored. `columns` are id, at and `SHOWN`; None where only the text was kept."""

    position: int
    body: str
    salt: bytes | None
    personal: str | None
    actor_salt: bytes | None
    actor: str | None
    columns: tuple[Any, ...] | None

    @property
    def id(self) -> UUID | None:
        """Its id; None where not even that can be read."""
        if self.columns is not None:
            return UUID(str(self.columns[0]))
        try:
            return UUID(json.loads(self.body)["id"])
        except (ValueError, KeyError, TypeError):
            return None


def check_entry(entry: StoredEntry) -> Sequence[Finding]:
    """Whether columns and personal values are those of the entry's text."""
    try:
        told = json.loads(entry.body)
        agree = entry.columns is None or _agree(entry.columns, told)
        values = _fits(entry.salt, entry.personal, told.get("personal_hash"))
        values = values and _fits(entry.actor_salt, entry.actor, told.get("actor_hash"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return [_at(entry, Flaw.ALTERED, "The text of the entry cannot be read.")]
    found = []
    if not agree:
        detail = "The columns that lists are filtered by differ from the text of the entry."
        found.append(_at(entry, Flaw.COLUMNS, detail))
    if not values:
        detail = "Personal values beside the entry are not those it was sealed with."
        found.append(_at(entry, Flaw.PERSONAL, detail))
    return found


def _agree(columns: Sequence[Any], told: Mapping[str, Any]) -> bool:
    same = columns[2:] == _shown(told) and str(columns[0]) == told["id"]
    return same and bool(columns[1] == datetime.fromisoformat(told["at"]))


def _fits(salt: bytes | None, text: str | None, digest: str | None) -> bool:
    """Whether these are the values of the digest, or erased."""
    if text is None or salt is None:
        return text is None and salt is None
    return personal_digest(salt, text) == digest


def check_batch(seal: Seal, entries: Sequence[StoredEntry]) -> Iterator[Finding]:
    """Whether `entries`, all that are stored at the places of this batch, in order, are those that were sealed."""
    found = [leaf(entry.position, entry.body) for entry in entries]
    if len(found) == seal.size and merkle_root(found) == seal.root:
        if seal.leaves and seal.leaves != b"".join(found):
            yield _of(seal, Flaw.BATCH, "The hashes that the batch keeps of its entries were changed.")
    else:
        yield from _located(seal, entries, found)
    for entry in entries:
        if flaws := check_entry(entry):
            yield from flaws


def check_seal(previous: Seal | None, seal: Seal, verify: VerifySignature) -> Iterator[Finding]:
    """Whether a batch follows the one before and is signed by a key that `verify` knows."""
    number, last, head = (previous.number, previous.last_position, previous.head) if previous else (0, 0, GENESIS)
    if seal.number != number + 1:
        yield _of(seal, Flaw.BATCH, f"Batch {number + 1} should be here, but batch {seal.number} is.")
    elif seal.first_position > last + 1:
        detail = "Entries went before they were sealed."
        yield Finding(kind=Flaw.GAP, sequence=last + 1, last_sequence=seal.first_position - 1, detail=detail)
    elif chained_head(head, seal.first_position, seal.last_position, seal.root) != seal.head:
        yield _of(seal, Flaw.BATCH, "The head of the batch does not follow from its root and the head before.")
    if not verify(seal.kid, seal.statement, seal.signature):
        yield _of(seal, Flaw.SIGNATURE, "The batch is not signed by a key of this installation.")


def _located(seal: Seal, entries: Sequence[StoredEntry], found: Sequence[bytes]) -> Iterator[Finding]:
    """Which entries of a batch differ, by the hashes that it keeps of them."""
    told = seal.hashes
    known = len(told) == seal.size and merkle_root(told) == seal.root
    there = {entry.position: entry for entry in entries}
    hashes = {entry.position: one for entry, one in zip(entries, found, strict=True)}
    outside = [entry for entry in entries if not seal.first_position <= entry.position <= seal.last_position]
    twice = [entry for entry in entries if there[entry.position] is not entry]
    for strange in (*outside, *twice):
        yield _at(strange, Flaw.INSERTED, "The entry is not one of its batch; it was put in.")
    if not known:
        detail = "Entries are not as they were sealed. The batch's hashes do not tell which, so it may be any of these."
        yield _of(seal, Flaw.ALTERED, detail)
    sought = 0
    for place, sealed in enumerate(told if known else [None] * seal.size, seal.first_position):
        entry = there.get(place)
        if entry is None:
            detail = "An entry was sealed here and is gone."
            yield Finding(kind=Flaw.MISSING, sequence=place, detail=detail)
        elif sealed is not None and hashes[place] != sealed:
            sought += 1
            yield _difference(seal, told, entry, there.get(place + 1), sought <= SOUGHT_PER_BATCH)


def _difference(
    seal: Seal, told: Sequence[bytes], entry: StoredEntry, following: StoredEntry | None, everywhere: bool
) -> Finding:
    """What became of one place: another entry moved here, one was put in, or this one was changed."""

    def sealed_at(place: int, body: str) -> bool:
        return 0 <= place - seal.first_position < seal.size and told[place - seal.first_position] == leaf(place, body)

    first, place = seal.first_position, entry.position
    near = (place - 1, place + 1)
    for other in (*near, *range(first, first + seal.size)) if everywhere else near:
        if sealed_at(other, entry.body):
            return _at(entry, Flaw.MOVED, f"The entry was sealed at sequence {other}.")
    if following is not None and sealed_at(place, following.body):
        return _at(entry, Flaw.INSERTED, "The entry was never sealed here; it was put in.")
    return _at(entry, Flaw.ALTERED, "The entry is not the one that was sealed here.")


def _at(entry: StoredEntry, kind: Flaw, detail: str) -> Finding:
    return Finding(kind=kind, sequence=entry.position, entry_id=entry.id, detail=detail)


def _of(seal: Seal, kind: Flaw, detail: str) -> Finding:
    return Finding(kind=kind, sequence=seal.first_position, last_sequence=seal.last_position, detail=detail)
