"""What stops the start: settings that cannot be used, that contradict each other, or that production refuses."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from adapters.security.oidc.addresses import is_safe

if TYPE_CHECKING:
    from entrypoints.settings.settings import Settings


METRICS_TOKEN_MIN = 16
TOKEN_DETAIL = f"must have at least {METRICS_TOKEN_MIN} characters in production."
NO_TLS_DETAIL = (
    "must name the proxy at which TLS ends, or every request is refused for having come in clear; where nothing can "
    "tell the scheme, set HTTPS_ONLY to off."
)
REPLICAS_DETAIL = "must name servers of the same kind as DATABASE_URL, which is PostgreSQL or MariaDB."


@dataclass(frozen=True, slots=True)
class WrongSetting:
    """A setting that cannot be used: its name and what would be right, never its value."""

    name: str
    detail: str

    def __str__(self) -> str:
        return f"{self.name} {self.detail}"


class ProvidersRefused(ValueError):
    """Providers of OIDC_PROVIDERS that cannot be used; the text names the wrong members, and never what they hold."""


class WrongSettings(Exception):
    """Settings that stop the start, all that were found at once."""

    def __init__(self, problems: list[WrongSetting]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


def inconsistent(settings: "Settings") -> list[WrongSetting]:
    """Settings that need another one."""
    models = settings.models
    key_detail = "is required with a database server: 32 random bytes in base64, see `fastops keys make-master`."
    checks = [
        (
            not models.language_model_url or models.language_model,
            WrongSetting("LANGUAGE_MODEL", "must name the model to use at LANGUAGE_MODEL_URL."),
        ),
        (
            not models.embedding_url or models.embedding_model,
            WrongSetting("EMBEDDING_MODEL", "must name the model to use at EMBEDDING_URL."),
        ),
        (
            settings.store in {"sqlite", "memory"} or settings.secrets.master_key,
            WrongSetting("MASTER_KEY", key_detail),
        ),
        (
            not settings.is_production or settings.edge.trusted_proxies or settings.edge.https_only != "auto",
            WrongSetting("TRUSTED_PROXIES", NO_TLS_DETAIL),
        ),
        (
            _replicas_fit(settings),
            WrongSetting("DATABASE_REPLICA_URLS", REPLICAS_DETAIL),
        ),
        (
            settings.passkeys_fit,
            WrongSetting("PASSKEY_DOMAIN", "must be a domain that all of PUBLIC_URL and PASSKEY_ORIGINS end with."),
        ),
        (
            settings.data.redis_url is None or find_spec("redis"),
            WrongSetting("REDIS_URL", "needs a package that is not installed: pip install fastops[redis]."),
        ),
        (
            settings.mail.smtp_url is None or settings.mail_sender,
            WrongSetting("MAIL_FROM", "must name the sender of mails, because the user of SMTP_URL is no address."),
        ),
        (
            settings.mail.registration == "closed" or settings.mail_goes_to != "nowhere",
            WrongSetting("SMTP_URL", "must name a mail server where REGISTRATION is not closed."),
        ),
    ]
    return [*(problem for fine, problem in checks if not fine), *_providers(settings)]


def _providers(settings: "Settings") -> list[WrongSetting]:
    try:
        providers = settings.oidc_providers
    except ProvidersRefused as error:
        return [WrongSetting("OIDC_PROVIDERS", str(error))]
    in_clear = settings.service.environment == "development"
    detail = "must name issuers by https://; http:// is for the own machine in development."
    unsafe = [one for one in providers if not is_safe(one.issuer, in_clear=in_clear)]
    return [WrongSetting("OIDC_PROVIDERS", detail)] if unsafe else []


def _replicas_fit(settings: "Settings") -> bool:
    kinds = settings.replica_stores
    return not kinds or (settings.store in {"postgresql", "mariadb"} and kinds == {settings.store})


def unsafe(settings: "Settings") -> list[WrongSetting]:
    """What a production start refuses (OWASP ASVS 5.0 V13)."""
    if not settings.is_production:
        return []
    checks = [
        (settings.public_url.startswith("https://"), "PUBLIC_URL", "must begin with https:// in production."),
        (settings.store != "memory", "DATABASE_URL", "must name a database that keeps its rows in production."),
        (settings.data.vector_store != "memory", "VECTOR_STORE", "must not be memory in production."),
        (settings.access.rate_limits == "on", "RATE_LIMITS", "must be on in production."),
        (settings.service.log_level != "DEBUG", "LOG_LEVEL", "must be INFO or above in production."),
        (_has_master_key(settings), "MASTER_KEY", "is required: 32 random bytes in base64, or the file master.key."),
        (_has_safe_origins(settings), "CORS_ORIGINS", "must name https:// origins, and never *, in production."),
        (_trusts_some_only(settings), "TRUSTED_PROXIES", "must name your proxies, not every address, in production."),
        (
            _has_long_token(settings),
            "METRICS_TOKEN",
            TOKEN_DETAIL,
        ),
    ]
    return [WrongSetting(name, detail) for fine, name, detail in checks if not fine]


def _has_safe_origins(settings: "Settings") -> bool:
    return all(origin.startswith("https://") for origin in settings.edge.cors_origins)


def _trusts_some_only(settings: "Settings") -> bool:
    return not any(network.endswith("/0") for network in settings.edge.trusted_proxies)


def _has_long_token(settings: "Settings") -> bool:
    token = settings.observed.metrics_token
    return token is None or len(token.get_secret_value()) >= METRICS_TOKEN_MIN


def _has_master_key(settings: "Settings") -> bool:
    return settings.secrets.master_key is not None or settings.store != "sqlite" or settings.master_key_file.is_file()
