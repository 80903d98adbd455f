"""Tamper evidence: Merkle trees over batches of journal entries, and the chain of their heads.

Hashes are SHA-256. Leaves and nodes are told apart by a prefix byte as in RFC 9162 §2.1, so that no inner node can
pass for an entry. A head covers everything before it: changing, cutting or reordering the past changes every head.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.shared.values import Instant

GENESIS = bytes(32)
HASH_BYTES = 32
STATEMENT = b"fastops audit head 1\x00"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Sign = Callable[[bytes], tuple[str, bytes]]
"""Signs a statement: key id and Ed25519 signature (RFC 8032)."""
SignAs = Callable[[int, bytes], tuple[str, bytes]]
"""The same with the key of a generation, counted from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One sealed batch: positions [first, last], its Merkle root, and the chained head that was signed.

    `leaves` are the batch's leaf hashes one after the other. They prove nothing beyond the root, but name the entry
    where the root alone would name the batch.
    """

    number: int
    first_position: int
    last_position: int
    root: bytes
    head: bytes
    signature: bytes
    kid: str
    sealed_at: Instant
    leaves: bytes

    @property
    def size(self) -> int:
        return self.last_position - self.first_position + 1

    @property
    def hashes(self) -> list[bytes]:
        """The leaf hashes; none for batches of the first schema."""
        return [self.leaves[at : at + HASH_BYTES] for at in range(0, len(self.leaves), HASH_BYTES)]

    @property
    def statement(self) -> bytes:
        """What is signed of it."""
        return statement(self.number, self.sealed_at, self.head)


def leaf(position: int, body: str) -> bytes:
    """The hash of one entry at its place."""
    return hashlib.sha256(b"\x00" + position.to_bytes(8, "big") + body.encode()).digest()


def personal_digest(salt: bytes, text: str) -> str:
    """What an entry holds of personal values that lie beside it, in hex."""
    return hashlib.sha256(salt + text.encode()).hexdigest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over the leaves in order; a left-over node moves up unchanged. Raises ValueError for no leaves."""
    if not leaves:
        raise ValueError("a Merkle tree has at least one leaf")
    level = list(leaves)
    while len(level) > 1:
        level = _level_above(level)
    return level[0]


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The sibling hashes from leaf `index` up to the root, RFC 9162 §2.1.3.1."""
    path, level = [], list(leaves)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level, index = _level_above(level), index >> 1
    return path


def root_of_path(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that an inclusion path leads to, RFC 9162 §2.1.3.2. Raises ValueError for a path that fits no tree."""
    node, left, siblings = leaf_hash, size, iter(path)
    try:
        while left > 1:
            if index ^ 1 < left:
                sibling = next(siblings)
                node = _node(sibling, node) if index & 1 else _node(node, sibling)
            index, left = index >> 1, (left + 1) >> 1
    except StopIteration:
        raise ValueError("the path is too short for its tree") from None
    if index or next(siblings, None) is not None:
        raise ValueError("the path is too long for its tree")
    return node


def chained_head(previous: bytes, first_position: int, last_position: int, root: bytes) -> bytes:
    """The head of a batch; `previous` is the head before it, `GENESIS` for the first."""
    span = first_position.to_bytes(8, "big") + last_position.to_bytes(8, "big")
    return hashlib.sha256(b"\x02" + previous + span + root).digest()


def statement(number: int, sealed_at: Instant, head: bytes) -> bytes:
    """The bytes that are signed: their purpose, the batch's number, microseconds since 1970 in UTC, and the head."""
    microseconds = (sealed_at - _EPOCH) // timedelta(microseconds=1)
    return STATEMENT + number.to_bytes(8, "big") + microseconds.to_bytes(8, "big") + head


def next_seal(previous: Seal | None, first_position: int, bodies: Sequence[str], sign: Sign, at: Instant) -> Seal:
    """Seal these entries, the first of which is at `first_position`, behind the `previous` batch."""
    leaves = [leaf(position, body) for position, body in enumerate(bodies, first_position)]
    last_position, root = first_position + len(bodies) - 1, merkle_root(leaves)
    head = chained_head(previous.head if previous else GENESIS, first_position, last_position, root)
    number = previous.number + 1 if previous else 1
    kid, signature = sign(statement(number, at, head))
    return Seal(
        number=number,
        first_position=first_position,
        last_position=last_position,
        root=root,
        head=head,
        signature=signature,
        kid=kid,
        sealed_at=at,
        leaves=b"".join(leaves),
    )


def _level_above(level: Sequence[bytes]) -> list[bytes]:
    pairs = [_node(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
    return pairs if len(level) % 2 == 0 else [*pairs, level[-1]]


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
