"""Wiring of operations."""

from collections.abc import Sequence
from typing import Any

from dependency_injector.containers import DeclarativeContainer
from dependency_injector.providers import Callable, DependenciesContainer, Dependency, Singleton

from application.operations.jobs import JobService
from application.operations.journal import JournalService
from application.shared.journal import Reaction
from entrypoints.wiring.health import Health


def names_of(reactions: Sequence[Reaction]) -> list[str]:
    return [reaction.name for reaction in reactions]


class OperationsContainer(DeclarativeContainer):
    """Jobs, and whether this process is fit to serve."""

    persistence: Any = DependenciesContainer()
    knowledge: Any = DependenciesContainer()
    reactions: Any = Dependency()

    jobs = Singleton(JobService, persistence.store, persistence.job_lists, persistence.clock)
    journal = Singleton(
        JournalService,
        persistence.journal_overview,
        persistence.set_asides,
        persistence.clock,
        Callable(names_of, reactions),
    )
    health = Singleton(Health, persistence.journal, knowledge.index_feed)
