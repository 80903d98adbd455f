"""What a verification of the trail finds: which promise is broken, where, and what it rests on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

FINDINGS_KEPT = 100


class Flaw(StrEnum):
    """How the trail differs from what was sealed."""

    ALTERED = "altered"
    """The entry is not the one that was sealed at this place."""
    MISSING = "missing"
    """An entry was sealed at this place, and is gone."""
    MOVED = "moved"
    """The entry was sealed at another place."""
    INSERTED = "inserted"
    """The entry was never sealed, and those behind it have moved on."""
    UNPLACED = "unplaced"
    """An entry that nobody will ever seal, because it has no place in the order."""
    COLUMNS = "columns"
    """What lists are filtered by differs from the text that was sealed."""
    PERSONAL = "personal"
    """Personal values beside the entry are not those that were sealed with it."""
    BATCH = "batch"
    """The record of a batch was changed, or is missing."""
    SIGNATURE = "signature"
    """A head is not signed by a key of this installation."""
    GAP = "gap"
    """Entries went before they were sealed."""
    CUT = "cut"
    """The trail ends before a head that was copied out."""
    REWRITTEN = "rewritten"
    """The trail has another head at this place than the one that was copied out."""
    CHECKPOINT = "checkpoint"
    """A copied head is itself not genuine, so it proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One flaw at `sequence`, or anywhere up to `last_sequence` where the place is not known more closely."""

    kind: Flaw
    sequence: int
    last_sequence: int | None = None
    entry_id: UUID | None = None
    detail: str


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What was looked at, and what was found: the first `FINDINGS_KEPT` of `flaws` findings.

    `first` and `last` are the sequences that were looked at, 0 where there are none. `unsealed` entries are those that
    wait for their seal: nothing is proved of them yet. `erased` counts those of which personal values were erased.
    """

    first: int = 0
    last: int = 0
    entries: int = 0
    batches: int = 0
    checkpoints: int = 0
    unsealed: int = 0
    erased: int = 0
    head: bytes | None = None
    key_ids: list[str] = field(default_factory=list)
    flaws: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return self.flaws == 0

    def add(self, findings: Sequence[Finding]) -> None:
        self.flaws += len(findings)
        self.findings += findings[: FINDINGS_KEPT - len(self.findings)]

    def join(self, following: "Verdict") -> None:
        """Take over the verdict on the batches behind these."""
        self.first, self.last = self.first or following.first, following.last or self.last
        self.head = following.head or self.head
        for name in ("entries", "batches", "checkpoints", "unsealed", "erased"):
            setattr(self, name, getattr(self, name) + getattr(following, name))
        self.key_ids += [kid for kid in following.key_ids if kid not in self.key_ids]
        self.flaws += following.flaws
        self.findings += following.findings[: FINDINGS_KEPT - len(self.findings)]
