"""Proofs: whatever the size of a batch, each entry is proved by its path, and nothing else is."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit.chain import GENESIS, Seal, inclusion_path, leaf, merkle_root, next_seal, root_of_path
from domain.audit.checkpoints import Checkpoint
from domain.audit.evidence import StoredEntry
from domain.audit.proofs import Proof, prove
from tests.fakes import OpenKeys, sign

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
batches = st.integers(1, 70).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))
verify = OpenKeys().verify


def sealed(first: int, size: int, previous: Seal | None = None) -> tuple[Seal, list[str]]:
    bodies = [f'{{"number":{first + place}}}' for place in range(size)]
    return next_seal(previous, first, bodies, lambda statement: sign(1, statement), AT), bodies


def proof_of(size: int, index: int, first: int = 1) -> Proof:
    seal, bodies = sealed(first, size)
    entry = StoredEntry(first + index, bodies[index], None, None, None, None, None)
    proof = prove(entry, seal, seal.hashes, Checkpoint.of(seal, GENESIS))
    assert proof is not None
    return proof


@given(batches, st.integers(1, 1 << 40))
def test_every_entry_of_every_batch_is_proved(batch: tuple[int, int], first: int) -> None:
    proof = proof_of(*batch, first)
    assert proof.holds(verify)
    assert len(proof.path) <= 7


@given(batches, st.data())
def test_no_other_text_place_path_or_head_is_proved(batch: tuple[int, int], data: st.DataObject) -> None:
    size, index = batch
    proof = proof_of(size, index)
    assert not replace(proof, entry=proof.entry + " ").holds(verify)
    assert not replace(proof, path=(*proof.path, b"0" * 32)).holds(verify)
    other = data.draw(st.integers(-2, size + 2).filter(lambda place: place != index))
    assert not replace(proof, sequence=other + 1).holds(verify)
    if proof.path:
        assert not replace(proof, path=proof.path[:-1]).holds(verify)
        assert not replace(proof, path=(b"0" * 32, *proof.path[1:])).holds(verify)
    head = proof.checkpoint
    for changed in (
        replace(head, root=b"0" * 32),
        replace(head, head=b"0" * 32),
        replace(head, previous_head=b"1" * 32),
        replace(head, signature=b"0" * 64),
        replace(head, key_id="other"),
        replace(head, number=head.number + 1),
        replace(head, last_sequence=head.last_sequence + 1),
        replace(head, sealed_at=datetime(2026, 1, 31, 13, tzinfo=UTC)),
    ):
        assert not replace(proof, checkpoint=changed).holds(verify)


@given(batches)
def test_a_path_leads_to_the_root_of_its_tree_and_to_no_tree_of_another_size(batch: tuple[int, int]) -> None:
    size, index = batch
    leaves = [leaf(place, "x") for place in range(size)]
    path = inclusion_path(leaves, index)
    assert root_of_path(leaves[index], index, size, path) == merkle_root(leaves)
    with pytest.raises(ValueError):
        root_of_path(leaves[index], index, size * 4 + 1, path)


def test_the_tree_is_that_of_rfc_9162() -> None:
    """A tree of seven leaves as in RFC 9162 §2.1.5: ((d0 d1)(d2 d3))((d4 d5) d6)."""
    import hashlib

    def node(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\x01" + left + right).digest()

    d = [bytes([number]) * 32 for number in range(7)]
    left, right = node(node(d[0], d[1]), node(d[2], d[3])), node(node(d[4], d[5]), d[6])
    assert merkle_root(d) == node(left, right)
    assert inclusion_path(d, 0) == [d[1], node(d[2], d[3]), right]
    assert inclusion_path(d, 6) == [node(d[4], d[5]), left]


def test_what_was_not_sealed_has_no_proof() -> None:
    seal, _ = sealed(1, 3)
    entry = StoredEntry(2, "other", None, None, None, None, None)
    assert prove(entry, seal, seal.hashes, Checkpoint.of(seal, GENESIS)) is None
    assert prove(entry, seal, seal.hashes[:2], Checkpoint.of(seal, GENESIS)) is None


def test_a_head_covers_all_that_came_before() -> None:
    first, _ = sealed(1, 3)
    second, _ = sealed(4, 2, first)
    forged = replace(first, root=b"0" * 32, head=b"0" * 32)
    again, _ = sealed(4, 2, forged)
    assert again.root == second.root
    assert again.head != second.head
