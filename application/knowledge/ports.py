"""Ports of knowledge: its view of the work, its read models, blobs and language models. Retrieval: `retrieval.py`."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from application.knowledge.retrieval import ChunkBatch, Numbers
from application.knowledge.views import ChunkView, CollectionView, DocumentView
from application.shared.jobs import JobDesk
from application.shared.unit_of_work import Commits
from domain.knowledge.answers import Answer
from domain.knowledge.collections import Collection
from domain.knowledge.documents import Document
from domain.shared.actor import Actor
from domain.shared.values import ListQuery, Page


class Collections(Protocol):
    async def get(self, id: UUID, expected: int | None = None) -> Collection:
        """Raises NotFound, or StaleVersion when `expected` is given and differs. Sight of it is the caller's check."""

    def add(self, collection: Collection) -> None: ...
    def remove(self, collection: Collection) -> None: ...


class Documents(Protocol):
    async def get(self, id: UUID, expected: int | None = None) -> Document: ...
    async def find(self, id: UUID) -> Document | None: ...
    async def find_many(self, ids: Sequence[UUID]) -> list[Document | None]:
        """In the order of `ids`, with one look at the store."""

    async def by_external_id(self, collection_id: UUID, external_id: str) -> Document | None: ...
    async def by_content(self, collection_id: UUID, content_hash: str) -> Sequence[Document]:
        """Documents with the same bytes, oldest first."""

    async def some_of_collection(self, collection_id: UUID, limit: int) -> Sequence[Document]:
        """Up to `limit` documents of a collection, whether or not it is still there, oldest first."""

    def add(self, document: Document) -> None: ...
    def remove(self, document: Document) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChunk:
    """A chunk to be written: its place and text, its vector (float32 bytes) and its terms."""

    id: UUID
    ordinal: int
    text: str
    headings: tuple[str, ...]
    page: int | None
    start: int
    end: int
    vector: bytes
    terms: bytes


class Chunks(Protocol):
    """Chunks are written in bulk with the rest of the work; they are not tracked and make no journal entries."""

    def replace(self, document: Document, chunks: Sequence[NewChunk], index_version: str) -> None:
        """Have exactly these chunks of a document once the work commits."""

    def remove(self, document_id: UUID) -> None: ...


class Answers(Protocol):
    async def get(self, id: UUID, expected: int | None = None) -> Answer: ...
    def add(self, answer: Answer) -> None: ...


class KnowledgeWork(Commits, Protocol):
    """What a use case of knowledge can touch."""

    @property
    def collections(self) -> Collections: ...
    @property
    def documents(self) -> Documents: ...
    @property
    def chunks(self) -> Chunks: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def jobs(self) -> JobDesk: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkHit:
    """A chunk with what a search shows of its document."""

    number: int
    id: UUID
    document_id: UUID
    collection_id: UUID
    external_id: str | None
    title: str
    media_type: str
    metadata: Mapping[str, Any]
    text: str
    headings: tuple[str, ...]
    page: int | None
    start: int
    end: int


class KnowledgeReads(Protocol):
    """Read models of knowledge. Everything starts from what the actor may read."""

    async def readable(self, actor: Actor) -> frozenset[UUID] | None:
        """Ids of the collections that the actor may read; None for all of them. Never from a replica."""

    async def collections(self, actor: Actor, query: ListQuery) -> Page[CollectionView]:
        """Sorts: created_at, name. Filters: name, q."""

    async def collections_named(self, actor: Actor, name: str) -> Sequence[CollectionView]:
        """Readable collections of exactly this name, oldest first."""

    async def documents(self, collection_id: UUID, query: ListQuery) -> Page[DocumentView]:
        """Sorts: created_at. Filters: external_id, status, media_type, content_hash. Sight is the caller's check."""

    async def document_fields(self, collections: frozenset[UUID] | None) -> Sequence[DocumentView]:
        """All ready documents of these collections (None: of all), for filters."""

    async def chunks_of(self, document_id: UUID, query: ListQuery) -> Page[ChunkView]:
        """Chunks in their order; sort `ordinal` only."""

    async def hits(self, numbers: Sequence[int], collections: frozenset[UUID] | None) -> Sequence[ChunkHit]:
        """The chunks of these numbers that lie in the allowed collections, in the order of `numbers`."""

    async def documents_of_chunks(self, numbers: Sequence[int]) -> Mapping[int, UUID]:
        """The document of each chunk number that is still there."""


class ChunkRows(Protocol):
    """Chunk rows as the indexes load them."""

    async def of_documents(self, document_ids: Sequence[UUID]) -> ChunkBatch:
        """All chunks of these documents, by number."""

    async def after(self, number: int, limit: int) -> ChunkBatch:
        """The next `limit` chunks with a higher number, by number; empty at the end."""

    async def count(self) -> int: ...

    async def numbers(self) -> Numbers:
        """All live numbers, ascending; for checking an index against the rows."""


class AnswerErasure(Protocol):
    async def erase_answers(self, owner_id: UUID) -> int:
        """Remove the answers of a person who is gone; how many. Machinery: an entry would keep what is erased."""


class BlobStore(Protocol):
    """Original bytes by key. Raises StorageFull without room and Unavailable when the store is down."""

    async def put(self, key: str, content: AsyncIterator[bytes] | bytes) -> None:
        """Keep the bytes under a new key; nothing is visible before all are written."""

    async def put_many(self, blobs: Sequence[tuple[str, bytes]]) -> None: ...

    async def read(self, key: str) -> bytes:
        """All bytes. Raises NotFound."""

    async def read_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """The bytes of many small blobs with one look at the store; keys that are not there are left out."""

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """The bytes in parts of at most 1 MiB. Raises NotFound."""

    async def delete(self, key: str) -> None:
        """Remove them; nothing happens where they are gone already."""

    async def keys(self, after: str, before: str, limit: int) -> Sequence[str]:
        """Up to `limit` keys between these two, in their order."""


class HeldBytes(Protocol):
    async def held(self, keys: Sequence[str]) -> frozenset[str]:
        """Which of these keys a document has. Never from a replica. Raises Unavailable when the store is down."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A numbered piece of evidence that is shown to a language model."""

    n: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model said, which model it was, and its own count of tokens."""

    text: str
    model: str
    usage: Mapping[str, Any] | None


class LanguageModel(Protocol):
    """Writes an answer from passages. Retrieved text is data: it is delimited and carries no instructions."""

    @property
    def name(self) -> str: ...

    async def answer(self, question: str, passages: Sequence[Passage]) -> Completion:
        """An answer with marks [n] behind what passage n supports, or the word NO_ANSWER.

        Raises Unavailable (with retry_after where the endpoint names one) when it is down, slow or refuses.
        """
