"""All of knowledge on one store, with stand-ins for its models, and short ways to fill it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from adapters.keywords.analyzer import EnglishAnalyzer
from adapters.keywords.memory import MemoryKeywordIndex
from adapters.vectors.memory import MemoryVectorIndex
from application.knowledge.answering import AnswerService
from application.knowledge.changes import DocumentChanges
from application.knowledge.collections import CollectionService
from application.knowledge.documents import DocumentService
from application.knowledge.evaluation import EvaluationService
from application.knowledge.evidence import Evidence
from application.knowledge.hand_in import HandIn
from application.knowledge.index_feed import IndexFeed
from application.knowledge.ingest import IngestService
from application.knowledge.intake import INGEST
from application.knowledge.preparation import Preparation
from application.knowledge.reactions import knowledge_reactions
from application.knowledge.retriever import Retriever
from application.knowledge.scope import SearchScope
from application.knowledge.search import SearchQuery, SearchService
from application.knowledge.views import CollectionView, DocumentView, GrantView, SearchResult
from domain.shared.actor import Actor, ActorType, Permission
from domain.shared.values import new_id
from tests.fakes_language_model import ScriptedModel
from tests.fakes_retrieval import FileReader, HereExecutor, WordEmbedder, WordTokenizer
from tests.stores import Store

WORKER = "worker"


class Everyone:
    """A directory in which the users and groups of a test are; `actors` are those whose standing is known."""

    def __init__(self) -> None:
        self.users: set[UUID] = set()
        self.groups: set[UUID] = set()
        self.actors: dict[UUID, Actor] = {}

    async def standing(self, user_id: UUID) -> Actor | None:
        return self.actors.get(user_id)

    async def group_exists(self, group_id: UUID) -> bool:
        return group_id in self.groups

    async def user_exists(self, user_id: UUID) -> bool:
        return user_id in self.users


@dataclass
class Library:
    """The services as a program has them; `settle` does the work behind the requests once."""

    store: Store
    directory: Everyone = field(default_factory=Everyone)
    executor: HereExecutor = field(default_factory=HereExecutor)
    embedder: WordEmbedder = field(default_factory=WordEmbedder)
    reader: FileReader = field(default_factory=FileReader)
    analyzer: EnglishAnalyzer = field(default_factory=EnglishAnalyzer)
    model: ScriptedModel = field(default_factory=ScriptedModel)
    keywords: Any = field(default_factory=MemoryKeywordIndex)
    vectors: Any = field(default_factory=MemoryVectorIndex)

    def __post_init__(self) -> None:
        store = self.store
        self.changes = DocumentChanges([self.keywords, self.vectors])
        self.scope = SearchScope(store.reads, self.executor, self.changes)
        self.retriever = Retriever(
            store.reads,
            self.scope,
            analyzer=self.analyzer,
            embedder=self.embedder,
            keywords=self.keywords,
            vectors=self.vectors,
            executor=self.executor,
        )
        self.collections = CollectionService(store.work, store.reads, self.directory, store.clock)
        self.documents = DocumentService(store.work, store.reads, store.blobs, store.clock, self.changes)
        self.searches = SearchService(store.work, self.retriever)
        self.evaluation = EvaluationService(store.work, self.retriever)
        self.evidence = Evidence(self.embedder, self.analyzer, self.executor)
        self.answers = AnswerService(store.work, self.retriever, self.evidence, self.model, store.clock)
        preparation = Preparation(store.blobs, self.reader, WordTokenizer(), self.analyzer, self.executor)
        self.ingest = IngestService(store.work, store.job_queue, preparation, self.embedder, store.clock, "test-1")
        self.feed = IndexFeed(store.journal, store.chunk_rows, self.indexes, self.changes)
        self.reactions = knowledge_reactions(store.work, store.blobs, store.clock, self.changes, store.answer_erasure)
        self._reacted = 0

    @property
    def indexes(self) -> list[tuple[str, Any]]:
        return [("keywords", self.keywords), ("vectors", self.vectors)]

    def person(self, *permissions: Permission) -> Actor:
        """Somebody with these permissions, all of them unless named."""
        user_id = new_id()
        self.directory.users.add(user_id)
        granted = frozenset(permissions or Permission)
        return Actor(type=ActorType.USER, id=str(user_id), user_id=user_id, permissions=granted)

    async def collection(self, actor: Actor, name: str = "Papers", readers: Sequence[Actor] = ()) -> CollectionView:
        """A collection of `actor`, readable by others too."""
        made = await self.collections.create(actor, name=name)
        if not readers:
            return made
        grants = [GrantView(subject_type="user", subject_id=actor.user_id, level="manage")]
        grants += [GrantView(subject_type="user", subject_id=reader.user_id, level="read") for reader in readers]
        await self.collections.set_grants(actor, made.id, grants, expected=None)
        return made

    async def hand_in(
        self,
        actor: Actor,
        collection: CollectionView,
        text: str,
        title: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        external_id: str | None = None,
    ) -> DocumentView:
        hand_in = HandIn.of_text(text, title=title, metadata=metadata or {}, external_id=external_id)
        return (await self.documents.submit(actor, collection.id, hand_in)).document

    async def settle(self) -> None:
        """Carry out jobs, reactions and index news until nothing is left to do."""
        while tickets := await self.store.job_queue.claim(WORKER, [INGEST], 100, self.store.clock.now()):
            await self.ingest.run(tickets)
        await self.store.order()
        while entries := await self.store.journal.after(self._reacted):
            for entry in entries:
                for reaction in self.reactions:
                    for event in entry.events:
                        if event.name in reaction.events:
                            await reaction.handle(entry, event)
            self._reacted = entries[-1].position
            await self.store.order()
        while await self.feed.catch_up():
            pass

    async def search(self, actor: Actor, query: str, **more: Any) -> SearchResult:
        return await self.searches.search(actor, SearchQuery(query=query, **more))

    async def found(self, actor: Actor, query: str, **more: Any) -> list[str]:
        """The titles that a search gives, in order."""
        return [item.title for item in (await self.search(actor, query, **more)).items]
