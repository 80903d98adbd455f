"""Verifying without the store: an export of the trail, or heads that were copied out, by public keys alone."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from application.audit.verification import Progress
from domain.audit.chain import Seal
from domain.audit.checkpoints import Checkpoint, check_checkpoint
from domain.audit.evidence import StoredEntry, VerifySignature, check_batch, check_entry, check_seal
from domain.audit.findings import Finding, Flaw, Verdict
from domain.audit.proofs import Proof
from domain.shared.errors import Invalid

KeysOf = Callable[[Mapping[str, bytes]], VerifySignature]
"""How signatures are checked by these public keys, given by their ids."""
ENTRIES_PER_TELLING = 1_000


class ExportMalformed(Invalid):
    default_code = "export_malformed"
    default_detail = "The file is no export of an audit trail, or not a whole one."


@dataclass(slots=True)
class _Batch:
    head: Checkpoint
    leaves: bytes
    entries: list[StoredEntry] = field(default_factory=list)
    paths: list[tuple[bytes, ...]] = field(default_factory=list)
    """To the root, of each entry of a selection."""


class OfflineVerification:
    """Takes no key for trusted but those that `keys_of` lets pass."""

    def __init__(self, keys_of: KeysOf) -> None:
        self._keys_of = keys_of
        self._keys: dict[str, bytes] = {}
        self._verify = keys_of(self._keys)

    def heads(self, copies: Sequence[Checkpoint]) -> Verdict:
        """Whether heads are genuine, and those with neighbouring numbers follow from each other."""
        verdict, previous = Verdict(), None
        for copy in sorted(dict.fromkeys(copies), key=lambda one: one.number):
            self._note(verdict, copy)
            verdict.add(list(check_checkpoint(copy, _seal(copy), copy.last_sequence, self._verify)))
            if previous is not None and not _follows(previous, copy):
                detail = "This head does not follow from the one before; one of them is of another trail."
                found = Finding(kind=Flaw.REWRITTEN, sequence=copy.first_sequence, detail=detail)
                verdict.add([found])
            verdict.checkpoints += 1
            previous = copy
        return verdict

    def export(self, records: Iterable[Mapping[str, Any]], copies: Sequence[Checkpoint], progress: Progress) -> Verdict:
        """The verdict on an export. Raises ExportMalformed, which names the record."""
        verdict, wanted = Verdict(), {copy.number: copy for copy in copies}
        opening, previous, latest = None, None, None
        for batch in self._batches(records, verdict):
            if isinstance(batch, bool):
                opening = batch
                continue
            self._note(verdict, batch.head)
            found = self._whole(previous, batch) if opening else self._selected(batch)
            if (copy := wanted.pop(batch.head.number, None)) is not None:
                self._learn(copy)
                found += check_checkpoint(copy, _seal(batch.head), batch.head.last_sequence, self._verify)
                verdict.checkpoints += 1
            verdict.add(found)
            verdict.entries += len(batch.entries)
            verdict.erased += sum(entry.actor is None for entry in batch.entries)
            previous = latest = _seal(batch.head)
            progress(verdict.entries, 0)
        beyond = [copy for copy in wanted.values() if latest is None or copy.number > latest.number]
        if opening and beyond:
            furthest = max(beyond, key=lambda copy: copy.number)
            self._learn(furthest)
            verdict.add(list(check_checkpoint(furthest, None, verdict.last, self._verify)))
        return verdict

    def _whole(self, previous: Seal | None, batch: _Batch) -> list[Finding]:
        seal = _seal(batch.head, batch.leaves)
        return [*check_seal(previous, seal, self._verify), *check_batch(seal, batch.entries)]

    def _selected(self, batch: _Batch) -> list[Finding]:
        found = list(check_checkpoint(batch.head, _seal(batch.head), batch.head.last_sequence, self._verify))
        for entry, path in zip(batch.entries, batch.paths, strict=True):
            proof = Proof(sequence=entry.position, entry=entry.body, path=path, checkpoint=batch.head)
            if not proof.is_included:
                detail = "The entry is not the one that was sealed here, or its path is not that of the export."
                found.append(Finding(kind=Flaw.ALTERED, sequence=entry.position, entry_id=entry.id, detail=detail))
            found += check_entry(entry)
        return found

    def _batches(self, records: Iterable[Mapping[str, Any]], verdict: Verdict) -> Iterator["_Batch | bool"]:
        """First whether this is the whole trail, then its batches."""
        batch, told, place, ended = None, 0, 0, False
        for place, record in enumerate(records, 1):
            try:
                kind = record["type"]
                if place == 1:
                    if kind != "trail" or record["form"] != 1:
                        raise ValueError("no export")
                    yield not record["selection"]
                elif kind == "head":
                    if batch is not None:
                        yield batch
                    batch = _Batch(Checkpoint.parse(record), bytes.fromhex(record.get("leaves", "")))
                elif kind == "entry":
                    told += 1
                    if record["sequence"] is None:
                        verdict.unsealed += 1
                    elif batch is None:
                        raise ValueError("an entry before its batch")
                    else:
                        batch.entries.append(_entry(record))
                        batch.paths.append(tuple(bytes.fromhex(item) for item in record.get("path", ())))
                elif kind == "end":
                    ended = record["entries"] == told
                else:
                    raise ValueError("an unknown kind of record")
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise ExportMalformed(detail=f"Record {place} is none of an export of an audit trail.") from error
        if not ended:
            raise ExportMalformed(detail=f"The export ends after record {place} and is not whole.")
        if batch is not None:
            yield batch

    def _note(self, verdict: Verdict, head: Checkpoint) -> None:
        self._learn(head)
        verdict.first = verdict.first or head.first_sequence
        verdict.last, verdict.head, verdict.batches = head.last_sequence, head.head, verdict.batches + 1
        if head.key_id not in verdict.key_ids:
            verdict.key_ids.append(head.key_id)

    def _learn(self, head: Checkpoint) -> None:
        """Take note of the key beside a head."""
        if head.key_id not in self._keys:
            self._keys[head.key_id] = head.public_key
            self._verify = self._keys_of(self._keys)


def _follows(previous: Checkpoint, head: Checkpoint) -> bool:
    if head.number == previous.number:
        return False  # two different heads of one number
    return head.number > previous.number + 1 or head.previous_head == previous.head


def _seal(head: Checkpoint, leaves: bytes = b"") -> Seal:
    return Seal(
        number=head.number,
        first_position=head.first_sequence,
        last_position=head.last_sequence,
        root=head.root,
        head=head.head,
        signature=head.signature,
        kid=head.key_id,
        sealed_at=head.sealed_at,
        leaves=leaves,
    )


def _entry(record: Mapping[str, Any]) -> StoredEntry:
    sides = {side["part"]: (bytes.fromhex(side["salt"]), str(side["text"])) for side in record["personal"]}
    target, actor = sides.get("target", (None, None)), sides.get("actor", (None, None))
    return StoredEntry._make((int(record["sequence"]), str(record["entry"]), *target, *actor, None))
