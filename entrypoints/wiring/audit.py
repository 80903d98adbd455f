"""Wiring of audit."""

from typing import Any

from dependency_injector.containers import DeclarativeContainer
from dependency_injector.providers import DependenciesContainer, Dependency, Provider, Selector, Singleton

from adapters.checkpoints.files import FileCheckpoints
from adapters.checkpoints.memory import MemoryCheckpoints
from application.audit.copying import HeadCopies
from application.audit.export import TrailExport
from application.audit.head_keys import HeadKeyService
from application.audit.personal import PersonalErasure
from application.audit.proving import ProofService
from application.audit.refusals import Refusals
from application.audit.trail import AuditService
from application.audit.verification import Verification
from application.audit.verifying import VerifyService
from entrypoints.settings.settings import Settings


class AuditContainer(DeclarativeContainer):
    """The trail as people read it, and the personal values beside it."""

    settings: Provider[Settings] = Dependency(instance_of=Settings)
    keys: Any = DependenciesContainer()
    persistence: Any = DependenciesContainer()

    trail = Singleton(AuditService, persistence.audit_trail)
    refusals = Singleton(Refusals, persistence.notes, persistence.clock)
    copies = Selector(
        persistence.family,
        memory=Singleton(MemoryCheckpoints),
        sql=Singleton(FileCheckpoints, settings.provided.checkpoints_dir),
    )
    copying = Singleton(HeadCopies, persistence.sealed_trail, copies, keys.head_keys)
    proofs = Singleton(ProofService, persistence.sealed_trail, keys.head_keys)
    head_keys = Singleton(HeadKeyService, persistence.head_key, keys.head_keys)
    verification = Singleton(Verification, persistence.sealed_trail, keys.head_keys)
    verifying = Singleton(
        VerifyService, persistence.store, persistence.sealed_trail, verification, copies, persistence.job_queue
    )
    export = Singleton(TrailExport, persistence.sealed_trail, keys.head_keys)
    erasure = Singleton(
        PersonalErasure,
        persistence.personal_values,
        persistence.positions,
        persistence.clock,
        settings.provided.audit.audit_personal_days,
    )
