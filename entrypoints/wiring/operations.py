"""Wiring of operations and audit: small contexts that read what the others leave behind."""

from typing import Any

from dependency_injector.containers import DeclarativeContainer
from dependency_injector.providers import DependenciesContainer, Singleton

from application.audit.trail import AuditService
from application.operations.jobs import JobService
from entrypoints.wiring.health import Health


class OperationsContainer(DeclarativeContainer):
    """Jobs, and whether this process is fit to serve."""

    persistence: Any = DependenciesContainer()
    knowledge: Any = DependenciesContainer()

    jobs = Singleton(JobService, persistence.store, persistence.job_lists, persistence.clock)
    health = Singleton(Health, persistence.journal, knowledge.index_feed)


class AuditContainer(DeclarativeContainer):
    """The trail as people read it."""

    persistence: Any = DependenciesContainer()

    trail = Singleton(AuditService, persistence.audit_trail)
