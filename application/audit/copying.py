"""Copying heads of the trail out of the store, so that who rules the database cannot cut or rewrite it unseen."""

from itertools import pairwise

from application.audit.ports import Checkpoints, HeadKeys, SealedTrail
from domain.audit.chain import GENESIS, Seal
from domain.audit.checkpoints import Checkpoint
from domain.shared.errors import Conflict

HEADS_AT_ONCE = 200


class TrailDiffers(Conflict):
    default_code = "audit_trail_differs"
    default_detail = (
        "The audit trail no longer has the head that was copied out last: it was cut, written anew or restored from a "
        "backup. `fastops audit verify` shows the place; after a restore, move the folder of copied heads away."
    )


class HeadCopies:
    """Follows the batches of one trail with the copies of one folder, each step as far as there is something new."""

    def __init__(self, trail: SealedTrail, copies: Checkpoints, keys: HeadKeys) -> None:
        self._trail, self._copies, self._keys = trail, copies, keys
        self._copied: Checkpoint | None = None

    async def step(self) -> bool:
        """Copy the heads that are new; whether there may be more. A folder without heads begins with the newest one.

        Raises TrailDiffers where the store no longer has the last head that was copied, and copies nothing then, and
        Unavailable where the folder cannot be written.
        """
        copied = self._copied or await self._copies.latest()
        self._copied = None
        new = await (self._behind(copied) if copied else self._newest())
        if not all(head.is_genuine(self._keys.verify) for head in new):
            raise TrailDiffers()
        if new:
            await self._copies.append(new)
        self._copied = new[-1] if new else copied
        return len(new) == HEADS_AT_ONCE

    async def _newest(self) -> list[Checkpoint]:
        latest = await self._trail.latest()
        if latest is None:
            return []
        before = await self._trail.seals(latest.number - 2, 1)
        return [self._copy(latest, before[0].head if latest.number > 1 else GENESIS)]

    async def _behind(self, copied: Checkpoint) -> list[Checkpoint]:
        there = await self._trail.seals(copied.number - 1, HEADS_AT_ONCE + 1)
        if not there or there[0].number != copied.number or there[0].head != copied.head:
            raise TrailDiffers()
        return [self._copy(seal, previous.head) for previous, seal in pairwise(there)]

    def _copy(self, seal: Seal, previous_head: bytes) -> Checkpoint:
        return Checkpoint.of(seal, previous_head, self._keys.public(seal.kid) or b"")
