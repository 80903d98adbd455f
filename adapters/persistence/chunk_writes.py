"""Chunks as bulk writes of a unit of work, the same for every store."""

from collections.abc import Sequence
from uuid import UUID

from adapters.persistence.tracking import BulkWrite, Tracker
from application.knowledge.ports import NewChunk
from domain.knowledge.documents import Document


class ChunkWrites:
    """Collected with the rest of the work; they make no journal entries."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def replace(self, document: Document, chunks: Sequence[NewChunk], index_version: str) -> None:
        rows = [
            {
                "id": chunk.id,
                "document_id": document.id,
                "collection_id": document.collection_id,
                "ordinal": chunk.ordinal,
                "text": chunk.text,
                "headings": list(chunk.headings),
                "page": chunk.page,
                "start": chunk.start,
                "end": chunk.end,
                "vector": chunk.vector,
                "terms": chunk.terms,
                "index_version": index_version,
            }
            for chunk in chunks
        ]
        self._tracker.bulk.append(BulkWrite("chunks", "document_id", document.id, rows))

    def remove(self, document_id: UUID) -> None:
        self._tracker.bulk.append(BulkWrite("chunks", "document_id", document_id))
