"""Bytes that belong to no document: those of hand-ins that were cut off between keeping them and the commit, and of
commits that nobody heard the end of."""

from datetime import timedelta

from application.knowledge.ports import BlobStore, HeldBytes
from application.shared.ports import Clock
from domain.shared.values import earliest_id

AGE = timedelta(days=1)
"""Far more than any hand-in takes, and than clocks differ."""
AT_ONCE = 500


class OrphanBytes:
    """For one process of each database. Keys sort by the moment at which they were made, so each is looked at once; a
    process begins with the oldest."""

    def __init__(self, blobs: BlobStore, documents: HeldBytes, clock: Clock) -> None:
        self._blobs, self._documents, self._clock = blobs, documents, clock
        self._seen = ""

    async def sweep(self) -> bool:
        """Look at the next ones that are old enough and remove those of no document; whether there may be more. Raises
        Unavailable when the store is down."""
        before = str(earliest_id(self._clock.now() - AGE))
        keys = await self._blobs.keys(self._seen, before, AT_ONCE)
        held = await self._documents.held(keys)
        for key in keys:
            if key not in held:
                await self._blobs.delete(key)
        self._seen = keys[-1] if keys else self._seen
        return len(keys) == AT_ONCE
