"""Signed heads and proofs of the audit trail as version 1 shows them. Hashes, keys and signatures are in hex."""

from typing import Any, Final
from uuid import UUID

from typing_extensions import TypedDict

from domain.audit.checkpoints import Checkpoint
from domain.audit.evidence import StoredEntry
from domain.audit.proofs import Proof
from domain.shared.values import Instant
from entrypoints.http.v1.schemas.values import EXAMPLE_TIME, OTHER_ID, PageOut


class CheckpointOut(TypedDict):
    """A signed head. It covers all entries up to `last_sequence`; `key_id` is the thumbprint of `public_key`."""

    number: int
    first_sequence: int
    last_sequence: int
    previous_head: str
    root: str
    head: str
    signature: str
    key_id: str
    public_key: str
    sealed_at: Instant


class CheckpointsOut(PageOut):
    items: list[CheckpointOut]


class PersonalOut(TypedDict):
    """Personal values of the entry: SHA-256 of salt and text is what the entry holds of them."""

    part: str
    salt: str
    text: str


class EventProofOut(TypedDict):
    """All that it takes to check one entry: its text, the way up to the root, and the signed head."""

    event_id: UUID
    sequence: int
    entry: str
    leaf_hash: str
    leaf_index: int
    tree_size: int
    path: list[str]
    checkpoint: CheckpointOut
    personal: list[PersonalOut]


def checkpoint_out(head: Checkpoint) -> CheckpointOut:
    return {
        "number": head.number,
        "first_sequence": head.first_sequence,
        "last_sequence": head.last_sequence,
        "previous_head": head.previous_head.hex(),
        "root": head.root.hex(),
        "head": head.head.hex(),
        "signature": head.signature.hex(),
        "key_id": head.key_id,
        "public_key": head.public_key.hex(),
        "sealed_at": head.sealed_at,
    }


def proof_out(event_id: UUID, proof: Proof, entry: StoredEntry) -> EventProofOut:
    sides = (("target", entry.salt, entry.personal), ("actor", entry.actor_salt, entry.actor))
    return {
        "event_id": event_id,
        "sequence": proof.sequence,
        "entry": proof.entry,
        "leaf_hash": proof.leaf.hex(),
        "leaf_index": proof.index,
        "tree_size": proof.size,
        "path": [sibling.hex() for sibling in proof.path],
        "checkpoint": checkpoint_out(proof.checkpoint),
        "personal": [
            {"part": part, "salt": salt.hex(), "text": text}
            for part, salt, text in sides
            if salt is not None and text is not None
        ],
    }


_HASH: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
CHECKPOINT: Final[dict[str, Any]] = {
    "number": 42,
    "first_sequence": 4700,
    "last_sequence": 4712,
    "previous_head": _HASH,
    "root": _HASH,
    "head": _HASH,
    "signature": _HASH * 2,
    "key_id": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    "public_key": _HASH,
    "sealed_at": EXAMPLE_TIME,
}
PROOF: Final[dict[str, Any]] = {
    "event_id": OTHER_ID,
    "sequence": 4711,
    "entry": '{"action":"user.disable", …}',
    "leaf_hash": _HASH,
    "leaf_index": 11,
    "tree_size": 13,
    "path": [_HASH, _HASH],
    "checkpoint": CHECKPOINT,
    "personal": [{"part": "actor", "salt": _HASH[:32], "text": '{"actor_name":"Ada Lovelace","client_address":null}'}],
}
