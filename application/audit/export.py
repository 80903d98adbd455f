"""The trail as records that prove themselves: written out for those who keep or check it elsewhere."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from application.audit.ports import HeadKeys, SealedTrail
from domain.audit.chain import GENESIS, Seal, inclusion_path, leaf
from domain.audit.checkpoints import Checkpoint
from domain.audit.evidence import SHOWN, StoredEntry
from domain.shared.actor import Actor, Permission
from domain.shared.entity import plain
from domain.shared.values import Instant

BATCHES_AT_ONCE: Final = 4
FORM: Final = 1
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which entries are wanted; None: all. Times are half open."""

    actor: str | None = None
    action: str | None = None
    target_type: str | None = None
    target_id: str | None = None
    since: Instant | None = None
    until: Instant | None = None

    @property
    def is_whole(self) -> bool:
        return self == Selection()

    def takes(self, entry: StoredEntry) -> bool:
        columns = entry.columns or ()
        at, told = columns[1], dict(zip(SHOWN, columns[2:], strict=True))
        wanted = {"operation": self.action, "actor_id": self.actor}
        wanted |= {"target_type": self.target_type, "target_id": self.target_id}
        equal = all(value is None or told[name] == value for name, value in wanted.items())
        return equal and (self.since is None or at >= self.since) and (self.until is None or at < self.until)

    def plain(self) -> Record:
        names = ("actor", "action", "target_type", "target_id", "since", "until")
        return {name: plain(getattr(self, name)) for name in names if getattr(self, name) is not None}


class TrailExport:
    """Reads the trail batch by batch, in its order."""

    def __init__(self, trail: SealedTrail, keys: HeadKeys) -> None:
        self._trail, self._keys = trail, keys

    async def entries(self, actor: Actor, selection: Selection) -> AsyncIterator[tuple[StoredEntry, bool]]:
        """The entries, and whether they are sealed."""
        actor.require(Permission.AUDIT_READ)
        async for _, _, entries in self._batches():
            for entry in entries:
                if selection.takes(entry):
                    yield entry, True
        async for entry in self._unsealed():
            if selection.takes(entry):
                yield entry, False

    async def records(self, actor: Actor, selection: Selection, at: datetime) -> AsyncIterator[Record]:
        """A record that opens, one of each batch followed by those of its entries, and one that closes.

        The whole trail carries every batch with the hashes of its entries. A selection carries the batches that it
        touches, and of each entry the path to the root. Entries that are not sealed yet have no sequence and no proof.
        """
        actor.require(Permission.AUDIT_READ)
        yield {"type": "trail", "form": FORM, "exported_at": plain(at), "selection": selection.plain()}
        count = 0
        async for seal, previous_head, entries in self._batches():
            chosen = [entry for entry in entries if selection.takes(entry)]
            if chosen or selection.is_whole:
                yield self._head(seal, previous_head, selection)
            hashes = [] if selection.is_whole else _hashes(seal, entries)
            for entry in chosen:
                yield _record(entry, entry.position, _path(seal, hashes, entry))
                count += 1
        async for entry in self._unsealed():
            if selection.takes(entry):
                yield _record(entry, None, None)
                count += 1
        yield {"type": "end", "entries": count}

    async def _batches(self) -> AsyncIterator[tuple[Seal, bytes, Sequence[StoredEntry]]]:
        """Every batch, the head before it, and what is stored at its places."""
        reached, head = 0, GENESIS
        while seals := await self._trail.seals(reached, BATCHES_AT_ONCE):
            entries = await self._trail.entries(seals[0].first_position, seals[-1].last_position)
            for seal in seals:
                inside = [one for one in entries if seal.first_position <= one.position <= seal.last_position]
                yield seal, head, inside
                head = seal.head
            reached = seals[-1].number

    async def _unsealed(self) -> AsyncIterator[StoredEntry]:
        latest = await self._trail.latest()
        first = latest.last_position + 1 if latest else 1
        for entry in await self._trail.entries(first, await self._trail.end()):
            yield entry

    def _head(self, seal: Seal, previous_head: bytes, selection: Selection) -> Record:
        head = Checkpoint.of(seal, previous_head, self._keys.public(seal.kid) or b"").plain()
        return {"type": "head", **head} | ({"leaves": seal.leaves.hex()} if selection.is_whole else {})


def _record(entry: StoredEntry, sequence: int | None, path: Sequence[bytes] | None) -> Record:
    sides = (("target", entry.salt, entry.personal), ("actor", entry.actor_salt, entry.actor))
    kept = [{"part": part, "salt": salt.hex(), "text": text} for part, salt, text in sides if salt and text]
    record = {"type": "entry", "sequence": sequence, "entry": entry.body, "personal": kept}
    return record if path is None else record | {"path": [item.hex() for item in path]}


def _hashes(seal: Seal, entries: Sequence[StoredEntry]) -> list[bytes]:
    return seal.hashes or [leaf(entry.position, entry.body) for entry in entries]


def _path(seal: Seal, hashes: Sequence[bytes], entry: StoredEntry) -> list[bytes] | None:
    return inclusion_path(hashes, entry.position - seal.first_position) if hashes else None
