"""Heads of the trail as they are copied out: each proves, wherever it lies, what the trail was when it was signed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.audit.chain import Seal, chained_head, statement
from domain.audit.evidence import VerifySignature
from domain.audit.findings import Finding, Flaw
from domain.shared.entity import plain
from domain.shared.values import Instant, instant

NUMBERS = ("number", "first_sequence", "last_sequence")
BYTES = ("previous_head", "root", "head", "signature", "public_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A batch without its entries: what its head was made of, the signature, and the key that checks it.

    `key_id` is the thumbprint of the public key (RFC 7638), so a known id is enough to trust the key beside it.
    """

    number: int
    first_sequence: int
    last_sequence: int
    previous_head: bytes
    root: bytes
    head: bytes
    signature: bytes
    key_id: str
    public_key: bytes = b""
    sealed_at: Instant

    @classmethod
    def of(cls, seal: Seal, previous_head: bytes, public_key: bytes = b"") -> "Checkpoint":
        return cls(
            number=seal.number,
            first_sequence=seal.first_position,
            last_sequence=seal.last_position,
            previous_head=previous_head,
            root=seal.root,
            head=seal.head,
            signature=seal.signature,
            key_id=seal.kid,
            public_key=public_key,
            sealed_at=seal.sealed_at,
        )

    @classmethod
    def parse(cls, members: Any) -> "Checkpoint":
        """From what `plain` gave; other members are passed over. Raises ValueError for anything else."""
        try:
            parts: dict[str, Any] = {name: _counted(members[name]) for name in NUMBERS}
            parts |= {name: bytes.fromhex(members[name]) for name in BYTES}
            return cls(**parts, key_id=str(members["key_id"]), sealed_at=instant(members["sealed_at"]))
        except (KeyError, TypeError) as error:
            raise ValueError("no head of a trail") from error

    def plain(self) -> Mapping[str, Any]:
        """Its JSON members: bytes in hex, the time as RFC 3339."""
        shown = {name: getattr(self, name) for name in (*NUMBERS, *BYTES)}
        return plain(shown) | {"key_id": self.key_id, "sealed_at": plain(self.sealed_at)}  # type: ignore[no-any-return]

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


def _counted(value: Any) -> int:
    if not isinstance(value, int) or not 0 < value < 1 << 63:
        raise ValueError("no number of a batch or an entry")
    return value
