"""Proof that one entry is part of the trail: checked with the proof alone, a copied head, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.audit.chain import Seal, inclusion_path, leaf, merkle_root, root_of_path
from domain.audit.checkpoints import Checkpoint
from domain.audit.evidence import StoredEntry, VerifySignature


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The entry's text at its sequence, the sibling hashes up to the root (RFC 9162 §2.1.3), and the signed head."""

    sequence: int
    entry: str
    path: tuple[bytes, ...]
    checkpoint: Checkpoint

    @property
    def leaf(self) -> bytes:
        """The hash of the entry at its place."""
        return leaf(self.sequence, self.entry)

    @property
    def index(self) -> int:
        """The entry's place among the leaves of its batch, from 0."""
        return self.sequence - self.checkpoint.first_sequence

    @property
    def size(self) -> int:
        """The leaves of its batch."""
        return self.checkpoint.last_sequence - self.checkpoint.first_sequence + 1

    @property
    def is_included(self) -> bool:
        """Whether the path leads from this text at this sequence to the root of the batch."""
        if not 0 <= self.index < self.size:
            return False
        try:
            return root_of_path(self.leaf, self.index, self.size, self.path) == self.checkpoint.root
        except ValueError:
            return False

    def holds(self, verify: VerifySignature) -> bool:
        """Whether this very text was sealed at this sequence, by a key that `verify` knows."""
        return self.is_included and self.checkpoint.is_genuine(verify)


def prove(entry: StoredEntry, seal: Seal, leaves: Sequence[bytes], checkpoint: Checkpoint) -> Proof | None:
    """The proof of an entry from the hashes of its batch; None where it is not the one that was sealed."""
    index = entry.position - seal.first_position
    if (
        len(leaves) != seal.size
        or merkle_root(leaves) != seal.root
        or leaves[index] != leaf(entry.position, entry.body)
    ):
        return None
    path = tuple(inclusion_path(leaves, index))
    return Proof(sequence=entry.position, entry=entry.body, path=path, checkpoint=checkpoint)
