"""News of documents inside one process: what searches remember of them must not outlive a change made here."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from application.knowledge.retrieval import ChunkIndex


class DocumentChanges:
    """Counts changes to documents, and takes deleted ones out of this process's indexes at once.

    Other processes learn of a change from the journal within a second; whoever made it need not wait for that.
    """

    def __init__(self, indexes: Sequence[ChunkIndex] = ()) -> None:
        self._indexes = indexes
        self.count = 0

    def moved(self) -> None:
        """Documents or their fields changed: what was remembered at another count is void."""
        self.count += 1

    async def forget(self, document_ids: Sequence[UUID]) -> None:
        """These documents are gone: no search that begins from now on finds or counts them."""
        self.moved()
        for index in self._indexes:
            await asyncio.to_thread(index.remove_documents, document_ids)
