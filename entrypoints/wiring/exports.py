"""Wiring of exports."""

from typing import Any

from dependency_injector.containers import DeclarativeContainer
from dependency_injector.providers import DependenciesContainer, Singleton

from application.operations.exports import ExportService


class ExportsContainer(DeclarativeContainer):
    """What is held on a person, to be taken along."""

    persistence: Any = DependenciesContainer()

    service = Singleton(
        ExportService,
        persistence.store,
        persistence.personal_records,
        persistence.blobs,
        persistence.directory,
        persistence.clock,
    )
