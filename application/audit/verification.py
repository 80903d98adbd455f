"""Verifying the trail: every entry against its batch, every batch against the one before, all against copied heads."""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import chain
from typing import Final

from application.audit.ports import HeadKeys, SealedTrail
from domain.audit.chain import Seal
from domain.audit.checkpoints import Checkpoint, check_checkpoint
from domain.audit.evidence import StoredEntry, check_batch, check_seal
from domain.audit.findings import FINDINGS_KEPT, Finding, Flaw, Verdict

BATCHES_AT_ONCE: Final = 64
ENTRIES_AT_ONCE: Final = 5_000

Progress = Callable[[int, int], None]
"""Told how many entries were looked at, and of how many."""


class Verification:
    """Looks at stored entries, some thousand at a time, so that it needs the same memory whatever there is.

    Hashing runs in a thread, so that the loop stays free and the next entries are read meanwhile.
    """

    def __init__(self, trail: SealedTrail, keys: HeadKeys) -> None:
        self._trail, self._verify = trail, keys.verify

    async def run(
        self,
        copies: Sequence[Checkpoint] = (),
        first: int = 1,
        last: int | None = None,
        progress: Progress = lambda _done, _total: None,
    ) -> Verdict:
        """Verify the batches that hold the sequences from `first` to `last`, by default all; whole batches always.

        `copies` are heads that were copied out, by whomever; those of other batches are not looked at.
        """
        verdict = Verdict()
        wanted: dict[int, list[Checkpoint]] = {}
        for copy in dict.fromkeys(copies):
            wanted.setdefault(copy.number, []).append(copy)
        start = await self._trail.seal_at(first)
        previous = await self._before(start) if start else None
        total = await self._trail.end()
        due = max(0, min(last or total, total) - (start.first_position if start else total + 1) + 1)
        reached = previous.number if previous else start.number - 1 if start else None
        part: list[Seal] = []
        entries: Sequence[StoredEntry] = ()
        async for group in self._groups(reached, last):
            reading = self._trail.entries(group[0].first_position, group[-1].last_position)
            checking = asyncio.to_thread(self._check, verdict, previous, part, entries, wanted)
            following, _ = await asyncio.gather(reading, checking)
            previous, part, entries = part[-1] if part else previous, group, following
            progress(min(verdict.entries, due), due)
        await asyncio.to_thread(self._check, verdict, previous, part, entries, wanted)
        progress(min(verdict.entries, due), due)
        previous = part[-1] if part else previous
        if last is None:
            await self._finish(verdict, previous, list(chain.from_iterable(wanted.values())), total)
        return verdict

    def _check(
        self,
        verdict: Verdict,
        previous: Seal | None,
        seals: Sequence[Seal],
        entries: Sequence[StoredEntry],
        copies: dict[int, list[Checkpoint]],
    ) -> None:
        places = [entry.position for entry in entries]
        for seal in seals:
            inside = entries[bisect_left(places, seal.first_position) : bisect_right(places, seal.last_position)]
            verdict.add([*check_seal(previous, seal, self._verify), *check_batch(seal, inside)])
            for copy in copies.pop(seal.number, []):
                verdict.add(list(check_checkpoint(copy, seal, seal.last_position, self._verify)))
                verdict.checkpoints += 1
            verdict.entries += len(inside)
            verdict.erased += sum(entry.actor is None for entry in inside)
            verdict.first = verdict.first or seal.first_position
            verdict.last, verdict.head, verdict.batches = seal.last_position, seal.head, verdict.batches + 1
            if seal.kid not in verdict.key_ids:
                verdict.key_ids.append(seal.kid)
            previous = seal

    async def _finish(self, verdict: Verdict, latest: Seal | None, beyond: Sequence[Checkpoint], total: int) -> None:
        """What only the whole tells: heads beyond the end, entries without a place, and those not sealed yet."""
        end = latest.last_position if latest else 0
        genuine = [copy for copy in beyond if copy.is_genuine(self._verify)]
        verdict.checkpoints += len(beyond)
        for copy in beyond:
            if copy not in genuine:
                verdict.add(list(check_checkpoint(copy, None, end, self._verify)))
        missing = [copy for copy in genuine if latest is None or copy.number > latest.number]
        if missing:
            furthest = max(missing, key=lambda copy: copy.number)
            verdict.add(list(check_checkpoint(furthest, None, end, self._verify)))
        for entry in await self._trail.unplaced(FINDINGS_KEPT):
            detail = "This entry has no place in the order, so it is never sealed: it was put in past FastOps."
            verdict.add([Finding(kind=Flaw.UNPLACED, sequence=entry.behind, entry_id=entry.id, detail=detail)])
        verdict.unsealed = max(0, total - end)

    async def _groups(self, reached: int | None, last: int | None) -> AsyncIterator[list[Seal]]:
        """Batches behind the number `reached`, up to the one that holds `last`, some at a time; none for None."""
        while reached is not None and (seals := await self._trail.seals(reached, BATCHES_AT_ONCE)):
            for group in _grouped([seal for seal in seals if last is None or seal.first_position <= last]):
                yield group
            reached = seals[-1].number
            if last is not None and seals[-1].last_position >= last:
                return

    async def _before(self, seal: Seal) -> Seal | None:
        """The batch before this one, None where it is the first."""
        found = await self._trail.seals(seal.number - 2, 1)
        return found[0] if found and found[0].number < seal.number else None


def _grouped(seals: Sequence[Seal]) -> Iterator[list[Seal]]:
    """Batches whose entries are read at once."""
    group: list[Seal] = []
    for seal in seals:
        if group and seal.last_position - group[0].first_position >= ENTRIES_AT_ONCE:
            yield group
            group = []
        group.append(seal)
    if group:
        yield group
