"""All settings together: how they are read, what follows from them, and what production refuses."""

from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from entrypoints.settings.areas import (
    PREFIX,
    AccessSettings,
    Area,
    DataSettings,
    Environment,
    ModelSettings,
    ObservedSettings,
    SecretSettings,
    ServiceSettings,
    split_secret,
)
from entrypoints.settings.audit import AuditSettings
from entrypoints.settings.edge import EdgeSettings
from entrypoints.settings.mail import MailSettings
from entrypoints.settings.passkeys import PasskeySettings, fits_domain
from entrypoints.settings.refusals import WrongSetting, WrongSettings, inconsistent, unsafe
from entrypoints.settings.server import ServerSettings
from entrypoints.settings.sign_on import ProviderSettings, SignOnSettings, providers_of

DRAIN_SECONDS = 5.0
"""Outside development: some proxy in front must hear of the end before it comes, usually at its second look."""

BACKGROUND_SECONDS = 60


class Settings(BaseModel):
    """One model per area. Frozen: what changes while the service runs is no setting."""

    model_config = ConfigDict(frozen=True)

    service: ServiceSettings = Field(default_factory=ServiceSettings)
    edge: EdgeSettings = Field(default_factory=EdgeSettings)
    server: ServerSettings = Field(default_factory=ServerSettings)
    secrets: SecretSettings = Field(default_factory=SecretSettings)
    data: DataSettings = Field(default_factory=DataSettings)
    models: ModelSettings = Field(default_factory=ModelSettings)
    access: AccessSettings = Field(default_factory=AccessSettings)
    passkeys: PasskeySettings = Field(default_factory=PasskeySettings)
    observed: ObservedSettings = Field(default_factory=ObservedSettings)
    mail: MailSettings = Field(default_factory=MailSettings)
    audit: AuditSettings = Field(default_factory=AuditSettings)
    sign_on: SignOnSettings = Field(default_factory=SignOnSettings)

    @property
    def database_url(self) -> str:
        """The database as it was named, or SQLite in the data directory."""
        if self.data.database_url is not None:
            return self.data.database_url.get_secret_value()
        return f"sqlite:///{self.service.data_dir / 'fastops.db'}"

    @property
    def database_replica_urls(self) -> list[str]:
        return split_secret(self.data.database_replica_urls)

    @property
    def store(self) -> str:
        """The family of the database: sqlite, postgresql, mariadb (MySQL as well) or memory."""
        return family(self.database_url)

    @property
    def replica_stores(self) -> set[str]:
        """The families of the replicas."""
        return {family(url) for url in self.database_replica_urls}

    @property
    def public_url(self) -> str:
        return self.service.public_url or f"http://{self.service.host}:{self.service.port}"

    @property
    def oidc_providers(self) -> tuple[ProviderSettings, ...]:
        """Raises ProvidersRefused; not for settings that `load_settings` has given."""
        return providers_of(self.sign_on.oidc_providers)

    @property
    def passkeys_fit(self) -> bool:
        """Whether browsers let the pages of this service use passkeys of their domain."""
        return fits_domain(self.public_url, self.passkeys)

    @property
    def model_dir(self) -> Path:
        return self.models.model_dir or self.service.data_dir / "models"

    @property
    def index_dir(self) -> Path:
        """Snapshots of the indexes; a cache that can be deleted at any time."""
        return self.service.data_dir / "index"

    @property
    def checkpoints_dir(self) -> Path:
        """Copied heads of the audit trail."""
        return self.audit.audit_checkpoints_dir or self.service.data_dir / "audit"

    @property
    def mail_goes_to(self) -> str:
        """`smtp`, in development without a server `outbox`, else `nowhere`."""
        if self.mail.smtp_url is not None:
            return "smtp"
        return "outbox" if self.service.environment is Environment.DEVELOPMENT else "nowhere"

    @property
    def mail_sender(self) -> str | None:
        """MAIL_FROM, or the user of SMTP_URL where that is an address."""
        user = unquote(urlsplit(revealed(self.mail.smtp_url) or "").username or "")
        return self.mail.mail_from or (user if "@" in user else None)

    @property
    def outbox_dir(self) -> Path:
        """Where mails of development go that no server takes."""
        return self.service.data_dir / "outbox"

    @property
    def master_key_file(self) -> Path:
        return self.service.data_dir / "master.key"

    @property
    def is_production(self) -> bool:
        return self.service.environment is Environment.PRODUCTION

    @property
    def https_only(self) -> bool:
        """Whether a request that came in clear is sent on or refused."""
        return self.is_production if self.edge.https_only == "auto" else self.edge.https_only == "on"

    @property
    def shows_api_docs(self) -> bool:
        return not self.is_production if self.edge.api_docs == "auto" else self.edge.api_docs == "on"

    @property
    def makes_what_is_missing(self) -> bool:
        """Whether the first start creates the data directory, key, schema and administrator by itself."""
        return self.service.environment is Environment.DEVELOPMENT and self.store in {"sqlite", "memory"}

    @property
    def drain_seconds(self) -> float:
        if self.server.drain_seconds is not None:
            return self.server.drain_seconds
        return 0.0 if self.service.environment is Environment.DEVELOPMENT else DRAIN_SECONDS

    def for_background(self) -> "Settings":
        """The same for a process that nobody waits for by the second, such as a command or the ingest process."""
        patience = max(BACKGROUND_SECONDS, self.data.database_statement_timeout)
        data = self.data.model_copy(update={"database_statement_timeout": patience})
        return self.model_copy(update={"data": data})

    def environ(self) -> dict[str, str]:
        """These settings as environment variables, for a child process that must see the same ones."""
        return {
            PREFIX + name.upper(): text
            for attribute, area in areas().items()
            for name in area.model_fields
            if (text := _text(getattr(getattr(self, attribute), name))) is not None
        }


def family(url: str) -> str:
    """The database system that a URL names."""
    scheme = url.partition(":")[0].partition("+")[0]
    return {"postgres": "postgresql", "mysql": "mariadb"}.get(scheme, scheme)


def areas() -> dict[str, type[Area]]:
    """The areas by their attribute, in the order of the docs."""
    return {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Area)
    }


def load_settings(env_file: Path | None = Path(".env"), **overrides: Any) -> Settings:
    """Read environment and `env_file`; `overrides` are settings by their name in small letters, and win.

    Raises WrongSettings with every setting that cannot be used, those that production refuses included.
    """
    made: dict[str, Area] = {}
    problems: list[WrongSetting] = []
    for attribute, area in areas().items():
        given = {name: overrides[name] for name in area.model_fields if overrides.get(name) is not None}
        try:
            made[attribute] = cast(Any, area)(_env_file=env_file, **given)
        except ValidationError as error:
            problems += _problems(area, error)
    if problems:
        raise WrongSettings(problems)
    settings = Settings.model_validate(made)
    if problems := inconsistent(settings) + unsafe(settings):
        raise WrongSettings(problems)
    return settings


def takes(area: type[Area], name: str) -> str:
    """What a setting takes, in words."""
    extra = area.model_fields[name].json_schema_extra
    return str(extra["takes"]) if isinstance(extra, dict) else ""


def revealed(secret: SecretStr | None) -> str | None:
    """The text of a secret, for the one adapter that needs it."""
    return secret.get_secret_value() if secret is not None else None


def _problems(area: type[Area], error: ValidationError) -> list[WrongSetting]:
    names = dict.fromkeys(str(item["loc"][0]) for item in error.errors(include_input=False, include_url=False))
    return [WrongSetting(name.upper(), f"takes {takes(area, name)}.") for name in names]


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, tuple):
        return ",".join(value)
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
