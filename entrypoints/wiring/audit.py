"""Wiring of audit."""

from typing import Any

from dependency_injector.containers import DeclarativeContainer
from dependency_injector.providers import DependenciesContainer, Dependency, Provider, Singleton

from application.audit.personal import PersonalErasure
from application.audit.trail import AuditService
from application.audit.verification import Verification
from entrypoints.settings.settings import Settings


class AuditContainer(DeclarativeContainer):
    """The trail as people read it, and the personal values beside it."""

    settings: Provider[Settings] = Dependency(instance_of=Settings)
    keys: Any = DependenciesContainer()
    persistence: Any = DependenciesContainer()

    trail = Singleton(AuditService, persistence.audit_trail)
    verification = Singleton(Verification, persistence.sealed_trail, keys.head_keys.provided.verify)
    erasure = Singleton(
        PersonalErasure,
        persistence.personal_values,
        persistence.positions,
        persistence.clock,
        settings.provided.audit.audit_personal_days,
    )
