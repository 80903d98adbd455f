"""The root container: the areas and how they depend on each other. Nothing is made before it is asked for."""

from collections.abc import Sequence
from typing import Any

from dependency_injector.containers import DeclarativeContainer
from dependency_injector.providers import Callable, Dependency, Object, Provider
from dependency_injector.providers import Container as Area

from application.audit.personal import PersonalErasure
from application.identity.reactions import IdentityReactions
from application.operations.exports import ExportService
from application.shared.journal import Reaction
from entrypoints.settings.settings import Settings
from entrypoints.wiring.audit import AuditContainer
from entrypoints.wiring.exports import ExportsContainer
from entrypoints.wiring.identity import IdentityContainer
from entrypoints.wiring.knowledge import KnowledgeContainer
from entrypoints.wiring.language import LanguageContainer
from entrypoints.wiring.limits import LimitsContainer
from entrypoints.wiring.mail import MailContainer
from entrypoints.wiring.operations import OperationsContainer
from entrypoints.wiring.persistence import PersistenceContainer
from entrypoints.wiring.retrieval import RetrievalContainer
from entrypoints.wiring.security import KeysContainer, SecurityContainer


def all_reactions(
    identity: IdentityReactions, knowledge: Sequence[Reaction], audit: PersonalErasure, exports: ExportService
) -> tuple[Reaction, ...]:
    """What follows from journal entries, of all contexts, in one table."""
    return (*identity.table(), *knowledge, *audit.reactions(), *exports.reactions())


class Container(DeclarativeContainer):
    """All parts of one installation, as one process sees it."""

    settings: Provider[Settings] = Dependency(instance_of=Settings)

    keys: Any = Area(KeysContainer, settings=settings)
    persistence: Any = Area(PersistenceContainer, settings=settings, keys=keys)
    security: Any = Area(SecurityContainer, settings=settings, keys=keys, persistence=persistence)
    retrieval: Any = Area(RetrievalContainer, settings=settings)
    language: Any = Area(LanguageContainer, settings=settings)
    limits: Any = Area(LimitsContainer, settings=settings, language=language)
    mail: Any = Area(MailContainer, settings=settings, persistence=persistence, security=security, limits=limits)
    identity: Any = Area(
        IdentityContainer, settings=settings, persistence=persistence, security=security, limits=limits, mail=mail
    )
    knowledge: Any = Area(
        KnowledgeContainer, settings=settings, persistence=persistence, retrieval=retrieval, language=language
    )
    audit: Any = Area(AuditContainer, settings=settings, keys=keys, persistence=persistence)
    exports: Any = Area(ExportsContainer, persistence=persistence)
    reactions = Callable(all_reactions, identity.reactions, knowledge.reactions, audit.erasure, exports.service)
    operations: Any = Area(OperationsContainer, persistence=persistence, knowledge=knowledge, reactions=reactions)


def build_container(settings: Settings) -> Container:
    """A container of its own for these settings; several may live in one process."""
    return Container(settings=Object(settings))
