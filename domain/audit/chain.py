"""Tamper evidence: Merkle trees over batches of journal entries, and the chain of their heads.

Hashes are SHA-256. Leaves and nodes are told apart by a prefix byte as in RFC 9162 §2.1, so that no inner node can
pass for an entry. A head covers everything before it: changing, cutting or reordering the past changes every head.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from domain.shared.values import Instant

GENESIS = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One sealed batch: positions [first, last], its Merkle root, and the chained head that was signed."""

    number: int
    first_position: int
    last_position: int
    root: bytes
    head: bytes
    signature: bytes
    kid: str
    sealed_at: Instant


def leaf(position: int, body: str) -> bytes:
    """The hash of one entry at its place."""
    return hashlib.sha256(b"\x00" + position.to_bytes(8, "big") + body.encode()).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over the leaves in order; a left-over node moves up unchanged. Raises ValueError for no leaves."""
    if not leaves:
        raise ValueError("a Merkle tree has at least one leaf")
    level = list(leaves)
    while len(level) > 1:
        pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
        level = [hashlib.sha256(b"\x01" + pair[0] + pair[1]).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0]


def chained_head(previous: bytes, first_position: int, last_position: int, root: bytes) -> bytes:
    """The head of a batch; `previous` is the head before it, `GENESIS` for the first."""
    span = first_position.to_bytes(8, "big") + last_position.to_bytes(8, "big")
    return hashlib.sha256(b"\x02" + previous + span + root).digest()
