"""Wiring of audit."""

from typing import Any

from dependency_injector.containers import DeclarativeContainer
from dependency_injector.providers import DependenciesContainer, Dependency, Provider, Singleton

from application.audit.personal import PersonalErasure
from application.audit.trail import AuditService
from entrypoints.settings.settings import Settings


class AuditContainer(DeclarativeContainer):
    """The trail as people read it, and the personal values beside it."""

    settings: Provider[Settings] = Dependency(instance_of=Settings)
    persistence: Any = DependenciesContainer()

    trail = Singleton(AuditService, persistence.audit_trail)
    erasure = Singleton(
        PersonalErasure,
        persistence.personal_values,
        persistence.positions,
        persistence.clock,
        settings.provided.audit.audit_personal_days,
    )
