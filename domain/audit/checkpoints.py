"""Heads of the trail as they are copied out: each proves, wherever it lies, what the trail was when it was signed."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.audit.chain import GENESIS, Seal, chained_head, statement
from domain.audit.evidence import VerifySignature
from domain.audit.findings import Finding, Flaw
from domain.shared.values import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A batch without its entries: what its head was made of, and the signature."""

    number: int
    first_sequence: int
    last_sequence: int
    previous_head: bytes
    root: bytes
    head: bytes
    signature: bytes
    key_id: str
    sealed_at: Instant

    @classmethod
    def of(cls, seal: Seal, previous: Seal | None) -> "Checkpoint":
        return cls(
            number=seal.number,
            first_sequence=seal.first_position,
            last_sequence=seal.last_position,
            previous_head=previous.head if previous else GENESIS,
            root=seal.root,
            head=seal.head,
            signature=seal.signature,
            key_id=seal.kid,
            sealed_at=seal.sealed_at,
        )

    @property
    def statement(self) -> bytes:
        """What is signed of it."""
        return statement(self.number, self.sealed_at, self.head)

    def is_genuine(self, verify: VerifySignature) -> bool:
        """Whether its head follows from its parts and is signed by a key that `verify` knows."""
        head = chained_head(self.previous_head, self.first_sequence, self.last_sequence, self.root)
        return head == self.head and verify(self.key_id, self.statement, self.signature)


def check_checkpoint(copy: Checkpoint, seal: Seal | None, end: int, verify: VerifySignature) -> Iterator[Finding]:
    """Whether the trail still has this head. `seal` is its batch of this number, `end` the last sequence sealed."""
    first, last = copy.first_sequence, copy.last_sequence
    if not copy.is_genuine(verify):
        detail = "This copied head is not signed by a key of this installation, or was changed; it proves nothing."
        yield Finding(kind=Flaw.CHECKPOINT, sequence=first, last_sequence=last, detail=detail)
    elif seal is None:
        detail = f"The trail ends at sequence {end}; the head that was copied out covers all up to {last}."
        yield Finding(kind=Flaw.CUT, sequence=end + 1, last_sequence=last, detail=detail)
    elif seal.head != copy.head:
        detail = "The trail has another head here than the one that was copied out: it was written anew."
        yield Finding(kind=Flaw.REWRITTEN, sequence=first, last_sequence=last, detail=detail)
