"""Wiring of the retrieval core: analyzer, embedder, the two indexes, extraction, and threads for all of them."""

from collections.abc import Callable as Function
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dependency_injector.containers import DeclarativeContainer
from dependency_injector.providers import Callable, Dependency, Provider, Selector, Singleton

from adapters.embeddings.hashing import WordTokenizer
from adapters.embeddings.minilm import MiniLmEmbedder, MiniLmModel
from adapters.embeddings.model_files import ModelFiles, locate
from adapters.embeddings.wordpiece import MiniLmTokenizer
from adapters.extraction.guarded import GuardedExtractor
from adapters.keywords.analyzer import EnglishAnalyzer
from adapters.keywords.bm25.index import Bm25Index
from adapters.system.threads import ThreadExecutor
from adapters.vectors.embedded.index import EmbeddedVectorIndex
from adapters.vectors.memory import MemoryVectorIndex
from entrypoints.settings.settings import Settings, revealed

if TYPE_CHECKING:
    from adapters.embeddings.openai_compatible import OpenAICompatibleEmbedder


def chosen_embedder(settings: Settings) -> str:
    return "endpoint" if settings.models.embedding_url else "built_in"


def embedding_endpoint(settings: Settings) -> "OpenAICompatibleEmbedder":
    """Imported here, so that only a service that asks an endpoint loads the client."""
    from adapters.embeddings.openai_compatible import OpenAICompatibleEmbedder

    models = settings.models
    key = revealed(models.embedding_key)
    return OpenAICompatibleEmbedder(
        models.embedding_url or "", models.embedding_model or "", key, models.embedding_dimension
    )


def model_files(settings: Settings) -> Function[[], ModelFiles]:
    """Where the built-in model's files are, looked for when they are first needed."""
    return lambda: locate(settings.models.model_dir, settings.service.data_dir)


def version_of_chunks(embedder: Any, analyzer: Any) -> str:
    """What chunks must have been made with to be found together: a change of either asks for ingesting again."""
    return f"{embedder.name}+{analyzer.version}"


def snapshots(settings: Settings) -> Path | None:
    """Where snapshots lie; nowhere where the vectors are in memory only."""
    return settings.index_dir if settings.data.vector_store == "embedded" and settings.store != "memory" else None


class RetrievalContainer(DeclarativeContainer):
    """What finds chunks and makes them."""

    settings: Provider[Settings] = Dependency(instance_of=Settings)

    executor = Singleton(ThreadExecutor, "search")
    ingest_executor = Singleton(ThreadExecutor, "ingest")
    extractor = Singleton(GuardedExtractor)
    analyzer = Singleton(EnglishAnalyzer)
    choice = Callable(chosen_embedder, settings)
    mini_lm_tokenizer = Singleton(MiniLmTokenizer, Callable(model_files, settings))
    mini_lm = Singleton(MiniLmModel, Callable(model_files, settings), mini_lm_tokenizer, settings.provided.model_dir)
    embedder = Selector(
        choice, built_in=Singleton(MiniLmEmbedder, mini_lm), endpoint=Singleton(embedding_endpoint, settings)
    )
    tokenizer = Selector(choice, built_in=mini_lm_tokenizer, endpoint=Singleton(WordTokenizer))
    keyword_index = Singleton(Bm25Index, analyzer.provided.version)
    vector_index = Selector(
        settings.provided.data.vector_store,
        embedded=Singleton(EmbeddedVectorIndex, embedder.provided.name, embedder.provided.dimension),
        memory=Singleton(MemoryVectorIndex),
    )
    index_version = Callable(version_of_chunks, embedder, analyzer)
    snapshot_folder = Callable(snapshots, settings)
