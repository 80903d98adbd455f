"""Wiring of single sign-on: the configured providers, and where browsers may be sent back to."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from application.identity.federation import Provider
from domain.identity.federation import ProviderPolicy
from entrypoints.settings.edge import ANY_ORIGIN
from entrypoints.settings.settings import Settings, revealed
from entrypoints.settings.sign_on import ProviderSettings

if TYPE_CHECKING:
    from adapters.security.oidc.fetching import Fetcher


def provider_fetcher() -> "Fetcher":
    """Imported here, as what asks it is below, so that only a service with providers loads them."""
    from adapters.security.oidc.fetching import Fetcher

    return Fetcher()


def open_providers(settings: Settings, fetcher: Callable[[], "Fetcher"]) -> tuple[Provider, ...]:
    """The providers of OIDC_PROVIDERS. Nothing is asked of them before somebody signs in."""
    return tuple(_provider(one, settings.public_url, fetcher()) for one in settings.oidc_providers)


def return_origins(settings: Settings) -> list[str]:
    """The origins of PUBLIC_URL and CORS_ORIGINS. That any origin may call the API makes none of them a place for
    codes."""
    own = urlsplit(settings.public_url)
    return [f"{own.scheme}://{own.netloc}", *(one for one in settings.edge.cors_origins if one != ANY_ORIGIN)]


def _provider(one: ProviderSettings, public_url: str, fetcher: "Fetcher") -> Provider:
    from adapters.security.oidc.discovery import Discovery
    from adapters.security.oidc.provider import HttpOpenIdProvider, Registration

    registration = Registration(
        issuer=one.issuer,
        client_id=one.client_id,
        client_secret=revealed(one.client_secret),
        redirect_uri=f"{public_url}/api/v1/auth/oidc/{one.name}/callback",
        scopes=one.scopes,
        roles_claim=one.roles_claim,
        email_counts=one.email_verified == "always",
    )
    policy = ProviderPolicy(
        admits_new=one.new_people == "admitted",
        email_domains=frozenset(one.email_domains),
        linked_domains=frozenset(one.linked_domains),
        new_roles=frozenset(one.default_roles),
        role_map=dict(one.roles),
    )
    client = HttpOpenIdProvider(registration, Discovery(one.issuer, fetcher), fetcher)
    return Provider(name=one.name, title=one.title or one.name, policy=policy, client=client)
