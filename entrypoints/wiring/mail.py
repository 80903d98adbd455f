"""Wiring of mails: the way out that the settings name, and what asks for it."""

from typing import TYPE_CHECKING, Any

from dependency_injector.containers import DeclarativeContainer
from dependency_injector.providers import Callable, DependenciesContainer, Dependency, Provider, Selector, Singleton

from adapters.mail.outbox import NoMailer, Outbox
from application.identity.letters import Letters
from application.identity.links import Links
from application.identity.mail_requests import MailRequests
from entrypoints.settings.settings import Settings, revealed

if TYPE_CHECKING:
    from adapters.mail.smtp import SmtpMailer
    from application.shared.ports import Clock


def sends(way: str) -> bool:
    return way != "nowhere"


def smtp_mailer(settings: Settings, clock: "Clock") -> "SmtpMailer":
    """Imported here, so that only a process that sends mails loads the library."""
    from adapters.mail.smtp import SmtpMailer

    return SmtpMailer(revealed(settings.mail.smtp_url) or "", settings.mail_sender or "", clock)


class MailContainer(DeclarativeContainer):
    """Links in mails, and how these are asked for and sent."""

    settings: Provider[Settings] = Dependency(instance_of=Settings)
    persistence: Any = DependenciesContainer()
    security: Any = DependenciesContainer()
    limits: Any = DependenciesContainer()

    way = settings.provided.mail_goes_to
    mailer = Selector(
        way,
        smtp=Singleton(smtp_mailer, settings, persistence.clock),
        outbox=Singleton(Outbox, settings.provided.outbox_dir, persistence.clock),
        nowhere=Singleton(NoMailer),
    )
    requests = Singleton(MailRequests, security.mail_seal, limits.limiter, on=Callable(sends, way))
    links = Singleton(Links, security.one_time_secrets, security.link_seal)
    letters = Singleton(Letters, settings.provided.public_url)
