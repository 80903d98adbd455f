"""Wiring of keys, tokens and passwords. All keys of an installation are derived from the master key."""

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dependency_injector.containers import DeclarativeContainer
from dependency_injector.providers import Callable, DependenciesContainer, Dependency, Factory, Provider, Singleton

from adapters.security.access_tokens import JoseAccessTokens
from adapters.security.api_key_secrets import ChecksummedApiKeySecrets
from adapters.security.challenges import HmacChallenges
from adapters.security.common_passwords import CommonPasswordRules
from adapters.security.head_keys import HeadKeys
from adapters.security.late_passkeys import LatePasskeyCeremonies
from adapters.security.master_key import MasterKey
from adapters.security.one_time_secrets import RandomOneTimeSecrets
from adapters.security.passwords import Argon2Passwords
from adapters.security.recovery_codes import RandomRecoveryCodes
from adapters.security.refresh_tokens import HmacRefreshTokens
from adapters.security.sealed_texts import JsonSealedTexts
from adapters.security.sealing import RepeatSeal, Sealer
from adapters.security.signing_keys import KeyRing
from adapters.security.totp import PyotpCodes
from entrypoints.settings.passkeys import relying_party
from entrypoints.settings.settings import Settings
from entrypoints.wiring.installation import master_key
from entrypoints.wiring.sign_on import open_providers, provider_fetcher

if TYPE_CHECKING:
    from adapters.security.passkeys import WebauthnCeremonies


def installation_key(settings: Settings) -> MasterKey:
    """The master key; one for this process alone where nothing is kept anyway."""
    if settings.store == "memory" and settings.secrets.master_key is None:
        return MasterKey(os.urandom(32))
    return master_key(settings)


def derived(key: MasterKey, purpose: str) -> bytes:
    return key.derive(purpose)


class KeysContainer(DeclarativeContainer):
    """The master key and what the store needs of it."""

    settings: Provider[Settings] = Dependency(instance_of=Settings)

    master = Singleton(installation_key, settings)
    repeat_seal = Singleton(RepeatSeal, Callable(derived, master, "repeats"))
    head_keys = Singleton(HeadKeys, master.provided.derive)
    ring_sealer = Singleton(Sealer, Callable(derived, master, "signing-keys"))
    mail_seal = Singleton(Sealer, Callable(derived, master, "account-mail"))
    link_seal = Singleton(Sealer, Callable(derived, master, "one-time-links"))
    link_key = Callable(derived, master, "link-subjects")
    totp_sealer = Singleton(Sealer, Callable(derived, master, "totp"))
    text_sealer = Singleton(Sealer, Callable(derived, master, "sealed-texts"))
    challenge_key = Callable(derived, master, "challenges")
    refresh_key = Callable(derived, master, "refresh-tokens")
    cursor_key = Callable(derived, master, "cursors")


def other_ports(settings: Settings) -> str | None:
    """Without PUBLIC_URL a process names itself by its port, and others on the same data by theirs."""
    return None if settings.service.public_url else r"http://[^/]+:\d{1,5}"


def named_for_apps(settings: Settings) -> str:
    """What authenticator apps list an account under: they tell installations apart by it."""
    return f"FastOps {urlsplit(settings.public_url).hostname}"


def ceremonies(settings: Settings) -> "WebauthnCeremonies":
    """For the pages of PUBLIC_URL and of the origins that may speak for it besides. Imported when it is asked for."""
    from adapters.security.passkeys import WebauthnCeremonies

    return WebauthnCeremonies(*relying_party(settings.public_url, settings.passkeys))


class SecurityContainer(DeclarativeContainer):
    """Makers of tokens and hashes."""

    settings: Provider[Settings] = Dependency(instance_of=Settings)
    keys: Any = DependenciesContainer()
    persistence: Any = DependenciesContainer()

    key_ring = Singleton(KeyRing, persistence.signing_keys, keys.ring_sealer)
    access_tokens = Singleton(
        JoseAccessTokens,
        key_ring,
        issuer=settings.provided.public_url,
        audience=settings.provided.public_url,
        siblings=Callable(other_ports, settings),
    )
    refresh_tokens = Singleton(HmacRefreshTokens, keys.refresh_key)
    mail_seal = keys.mail_seal
    link_seal = keys.link_seal
    one_time_secrets = Singleton(RandomOneTimeSecrets, keys.link_key)
    api_key_secrets = Singleton(ChecksummedApiKeySecrets)
    totp_codes = Singleton(PyotpCodes, keys.totp_sealer, Callable(named_for_apps, settings))
    recovery_texts = Singleton(RandomRecoveryCodes)
    challenges = Singleton(HmacChallenges, keys.challenge_key)
    passkeys = Singleton(LatePasskeyCeremonies, Factory(ceremonies, settings).provider)
    cursor_key = Singleton(bytes, keys.cursor_key)
    sealed_texts = Singleton(JsonSealedTexts, keys.text_sealer)
    oidc_fetcher = Singleton(provider_fetcher)
    oidc_providers = Singleton(open_providers, settings, oidc_fetcher.provider)
    passwords = Singleton(Argon2Passwords)
    common_passwords = Singleton(CommonPasswordRules)
