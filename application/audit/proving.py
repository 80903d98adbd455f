"""Use cases of proof: signed heads, and the proof of one entry."""

from dataclasses import replace
from uuid import UUID

from application.audit.ports import HeadKeys, SealedTrail
from domain.audit.chain import GENESIS, Seal, leaf
from domain.audit.checkpoints import Checkpoint
from domain.audit.evidence import StoredEntry
from domain.audit.proofs import Proof, prove
from domain.shared.actor import Actor, Permission
from domain.shared.errors import Conflict, WrongState
from domain.shared.values import ListQuery, Page


class EntryUnsealed(WrongState):
    default_code = "audit_event_unsealed"
    default_detail = "The entry is not sealed yet; that takes a second at most. Ask again."
    default_retry_after = 1.0


class EntryAltered(Conflict):
    default_code = "audit_event_altered"
    default_detail = "The entry is not the one that was sealed, so nothing proves it. Verify the trail."


class ProofService:
    """What others need to check the trail by themselves."""

    def __init__(self, trail: SealedTrail, keys: HeadKeys) -> None:
        self._trail, self._keys = trail, keys

    async def heads(self, actor: Actor, query: ListQuery) -> Page[Checkpoint]:
        """Signed heads, the newest first unless sorted otherwise."""
        actor.require(Permission.AUDIT_READ)
        return (await self._trail.heads(query)).map(self._with_key)

    async def proof(self, actor: Actor, event_id: UUID) -> tuple[Proof, StoredEntry]:
        """The proof of one entry, and the entry with the personal values that are left.

        Raises NotFound, EntryUnsealed, and EntryAltered where the entry or its batch is not as it was sealed.
        """
        actor.require(Permission.AUDIT_READ)
        place = await self._trail.place(event_id)
        seal = await self._trail.seal_at(place) if place is not None else None
        if place is None or seal is None:
            raise EntryUnsealed()
        if not seal.first_position <= place:
            raise EntryAltered()
        found = await self._trail.entries(place, place)
        proof = prove(found[0], seal, await self._leaves(seal), await self._head(seal)) if found else None
        if proof is None or not proof.holds(self._keys.verify):
            raise EntryAltered()
        return proof, found[0]

    async def _leaves(self, seal: Seal) -> list[bytes]:
        """The hashes of a batch's entries, made anew for batches that keep none."""
        if seal.leaves:
            return seal.hashes
        entries = await self._trail.entries(seal.first_position, seal.last_position)
        return [leaf(entry.position, entry.body) for entry in entries]

    async def _head(self, seal: Seal) -> Checkpoint:
        before = await self._trail.seals(seal.number - 2, 1) if seal.number > 1 else []
        return self._with_key(Checkpoint.of(seal, before[0].head if before else GENESIS))

    def _with_key(self, head: Checkpoint) -> Checkpoint:
        return replace(head, public_key=self._keys.public(head.key_id) or b"")
