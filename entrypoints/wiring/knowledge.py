"""Wiring of knowledge."""

from typing import Any

from dependency_injector.containers import DeclarativeContainer
from dependency_injector.providers import Callable, DependenciesContainer, Dependency, List, Provider, Singleton

from application.knowledge.access import AccessExplainer
from application.knowledge.answering import AnswerService
from application.knowledge.changes import DocumentChanges
from application.knowledge.collections import CollectionService
from application.knowledge.documents import DocumentService
from application.knowledge.evaluation import EvaluationService
from application.knowledge.evidence import Evidence
from application.knowledge.index_feed import IndexFeed
from application.knowledge.ingest import IngestService
from application.knowledge.orphans import OrphanBytes
from application.knowledge.preparation import Preparation
from application.knowledge.reactions import knowledge_reactions
from application.knowledge.retriever import Retriever
from application.knowledge.scope import SearchScope
from application.knowledge.search import SearchService
from entrypoints.settings.settings import Settings


def named_indexes(keywords: Any, vectors: Any) -> list[tuple[str, Any]]:
    return [("keywords", keywords), ("vectors", vectors)]


class KnowledgeContainer(DeclarativeContainer):
    """Use cases of knowledge, and what keeps its indexes."""

    settings: Provider[Settings] = Dependency(instance_of=Settings)
    persistence: Any = DependenciesContainer()
    retrieval: Any = DependenciesContainer()
    language: Any = DependenciesContainer()

    changes = Singleton(DocumentChanges, List(retrieval.keyword_index, retrieval.vector_index))
    scope = Singleton(SearchScope, persistence.knowledge_reads, retrieval.executor, changes)
    retriever = Singleton(
        Retriever,
        persistence.knowledge_reads,
        scope,
        analyzer=retrieval.analyzer,
        embedder=retrieval.embedder,
        keywords=retrieval.keyword_index,
        vectors=retrieval.vector_index,
        executor=retrieval.executor,
    )
    preparation = Singleton(
        Preparation,
        persistence.blobs,
        retrieval.extractor,
        retrieval.tokenizer,
        retrieval.analyzer,
        retrieval.ingest_executor,
    )

    orphans = Singleton(OrphanBytes, persistence.blobs, persistence.held_bytes, persistence.clock)
    collections = Singleton(
        CollectionService, persistence.store, persistence.knowledge_reads, persistence.directory, persistence.clock
    )
    documents = Singleton(
        DocumentService,
        persistence.store,
        persistence.knowledge_reads,
        persistence.blobs,
        persistence.clock,
        changes,
    )
    access = Singleton(AccessExplainer, persistence.store, persistence.directory)
    search = Singleton(SearchService, persistence.store, retriever)
    evidence = Singleton(Evidence, retrieval.embedder, retrieval.analyzer, retrieval.executor)
    answers = Singleton(AnswerService, persistence.store, retriever, evidence, language.model, persistence.clock)
    evaluation = Singleton(EvaluationService, persistence.store, retriever)
    ingest = Singleton(
        IngestService,
        persistence.store,
        persistence.job_queue,
        preparation,
        retrieval.embedder,
        persistence.clock,
        retrieval.index_version,
    )
    index_feed = Singleton(
        IndexFeed,
        persistence.journal,
        persistence.chunk_rows,
        Callable(named_indexes, retrieval.keyword_index, retrieval.vector_index),
        changes,
        retrieval.snapshot_folder,
    )
    reactions = Singleton(
        knowledge_reactions,
        persistence.store,
        persistence.blobs,
        persistence.clock,
        changes,
        persistence.answer_erasure,
    )
