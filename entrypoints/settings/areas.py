"""The settings, area by area. An attribute is the setting's name in small letters; only what has an effect is here."""

from base64 import b64decode
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

PREFIX = "FASTOPS_"
DATABASE_SCHEMES = ("sqlite", "postgresql", "postgres", "mysql", "mariadb", "memory")
REDIS_SCHEMES = ("redis", "rediss", "unix")
UNITS_MAX = 100_000


class Environment(StrEnum):
    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


def setting(default: Any, takes: str, meaning: str) -> Any:
    """A setting: what it is without being set, what it takes (said to whoever sets it wrong), and what it does."""
    return Field(default=default, description=meaning, json_schema_extra={"takes": takes})


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("no web address")
    return text.rstrip("/")


def _database_address(secret: SecretStr) -> SecretStr:
    scheme = urlsplit(secret.get_secret_value()).scheme
    if scheme.partition("+")[0] not in DATABASE_SCHEMES:
        raise ValueError("no database address")
    return secret


def _redis_address(secret: SecretStr) -> SecretStr:
    parts = urlsplit(secret.get_secret_value())
    place = parts.path if parts.scheme == "unix" else parts.hostname
    if parts.scheme not in REDIS_SCHEMES or not place or parts.port == 0:
        raise ValueError("no address of a Redis server")
    return secret


def _database_addresses(secret: SecretStr) -> SecretStr:
    for address in split_secret(secret):
        _database_address(SecretStr(address))
    return secret


def split_secret(secret: SecretStr | None) -> list[str]:
    """The parts of a list that is secret as a whole."""
    parts = (secret.get_secret_value() if secret else "").split(",")
    return [part.strip() for part in parts if part.strip()]


def _thirty_two_bytes(secret: SecretStr) -> SecretStr:
    if len(b64decode(secret.get_secret_value(), validate=True)) != 32:
        raise ValueError("not 32 bytes")
    return secret


def email_address(text: str) -> str:
    """The normal form of an address. Raises ValueError for what is none."""
    from domain.identity.users import normal_email
    from domain.shared.errors import Invalid

    try:
        return normal_email(text)
    except Invalid as error:
        raise ValueError("no e-mail address") from error


def _host(text: str) -> str:
    if not text.replace(".", "").replace("-", "").isalnum():
        ip_address(text)
    return text


WebAddress = Annotated[str, AfterValidator(_web_address)]


class Area(BaseSettings):
    """Reads each of its names with the prefix first, from the environment and then `.env`, and plain after that."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_file=".env", env_ignore_empty=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 (the signature is pydantic's)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        env_file = dotenv_settings.env_file if isinstance(dotenv_settings, DotEnvSettingsSource) else None
        return (
            init_settings,
            EnvSettingsSource(settings_cls, env_prefix=PREFIX),
            DotEnvSettingsSource(settings_cls, env_file=env_file, env_prefix=PREFIX),
            env_settings,
            dotenv_settings,
        )


class ServiceSettings(Area):
    """Where the service runs, keeps its files and writes its log."""

    environment: Environment = setting(
        Environment.DEVELOPMENT,
        "development, staging or production",
        "In development the first start makes all that is missing; production refuses unsafe settings.",
    )
    host: Annotated[str, AfterValidator(_host)] = setting(
        "127.0.0.1", "an address or host name to listen on", "Address on which `serve` listens."
    )
    port: Annotated[int, Field(ge=1, le=65535)] = setting(8000, "a number from 1 to 65535", "Port of `serve`.")
    data_dir: Path = setting(
        Path("var"), "a folder", "Holds the SQLite database, the master key, the models and the index snapshots."
    )
    public_url: WebAddress | None = setting(
        None,
        "a web address such as https://kb.example.com",
        "How clients reach the service: issuer of tokens and base of links. Unset: http://HOST:PORT.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting(
        "INFO", "DEBUG, INFO, WARNING or ERROR", "The least severe lines that are logged."
    )
    log_format: Literal["auto", "json", "text"] = setting(
        "auto", "auto, json or text", "Form of the log on stderr; auto is text on a terminal and JSON lines elsewhere."
    )


class SecretSettings(Area):
    """The secret that protects the others."""

    master_key: Annotated[SecretStr, AfterValidator(_thirty_two_bytes)] | None = setting(
        None,
        "32 random bytes in base64, as `fastops keys make-master` prints them",
        "Encrypts signing keys and sealed rows. Unset with SQLite: the file DATA_DIR/master.key.",
    )


class DataSettings(Area):
    """Where rows, original files, vectors and shared counts are kept."""

    database_url: Annotated[SecretStr, AfterValidator(_database_address)] | None = setting(
        None,
        "sqlite:///path/to/file.db, postgresql://user:password@host:5432/name, the same with mysql:// or mariadb://, "
        "or memory:// (tests)",
        "The database. Unset: SQLite in DATA_DIR/fastops.db.",
    )
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = setting(
        16, "a number from 1 to 200", "Connections that one process keeps to a database server at most."
    )
    database_pool_overflow: Annotated[int, Field(ge=0, le=200)] = setting(
        0, "a number from 0 to 200", "Further connections that are opened for a moment when all of the pool are busy."
    )
    database_pool_timeout: Annotated[float, Field(gt=0, le=60)] = setting(
        2.0, "seconds, up to 60", "How long a call waits for a free connection before it is refused."
    )
    database_pool_recycle: Annotated[int, Field(ge=30)] = setting(
        1800, "seconds, at least 30", "Age at which a connection is replaced."
    )
    database_pool_pre_ping: Annotated[float, Field(ge=0, le=86400)] = setting(
        1.0, "seconds, from 0 to 86400", "Rest after which a connection is tested before it is used; 0 tests each time."
    )
    database_connect_timeout: Annotated[int, Field(ge=1, le=60)] = setting(
        2, "whole seconds, from 1 to 60", "How long opening a connection may take."
    )
    database_statement_timeout: Annotated[int, Field(ge=1, le=3600)] = setting(
        3,
        "whole seconds, from 1 to 3600",
        "How long a statement may take. A server that hangs is given up a quarter of a second later.",
    )
    database_lock_timeout: Annotated[int, Field(ge=1, le=3600)] = setting(
        2, "whole seconds, from 1 to 3600", "How long a statement waits for what another transaction holds."
    )
    database_replica_urls: Annotated[SecretStr, AfterValidator(_database_addresses)] | None = setting(
        None,
        "addresses like that of DATABASE_URL, separated by commas",
        "Streaming replicas of the database, which may answer lists, documents and files. Rights never depend on them.",
    )
    redis_url: Annotated[SecretStr, AfterValidator(_redis_address)] | None = setting(
        None,
        "redis://user:password@host:6379/0, rediss://… (TLS) or unix:///path/to/socket",
        "Redis, where several processes count rate limits together. Unset: each counts for itself.",
    )
    blob_store: Literal["database"] = setting("database", "database", "Where original files are kept.")
    vector_store: Literal["embedded", "memory"] = setting(
        "embedded",
        "embedded or memory",
        "Index of vectors: embedded keeps a snapshot in DATA_DIR, memory is exact and rebuilt at each start.",
    )


class ModelSettings(Area):
    """The models that embed texts and write answers. Without any, the built-in ones work offline."""

    groq_api_key: SecretStr | None = setting(
        None, "a key of api.groq.com", "Lets Groq write the answers; without a language model they are extractive."
    )
    language_model_url: WebAddress | None = setting(
        None, "the base address of an OpenAI-compatible API", "Endpoint that writes the answers, before Groq."
    )
    language_model: str | None = setting(None, "a model's name at that endpoint", "The model that writes the answers.")
    language_model_key: SecretStr | None = setting(None, "a key of that endpoint", "Key for LANGUAGE_MODEL_URL.")
    embedding_url: WebAddress | None = setting(
        None, "the base address of an OpenAI-compatible API", "Endpoint that embeds; unset: the built-in MiniLM."
    )
    embedding_model: str | None = setting(None, "a model's name at that endpoint", "The model that embeds.")
    embedding_dimension: Annotated[int, Field(ge=8, le=8192)] | None = setting(
        None,
        "a number from 8 to 8192",
        "Length of that model's vectors. Unset: the usual models are known, others are asked at start.",
    )
    embedding_key: SecretStr | None = setting(None, "a key of that endpoint", "Key for EMBEDDING_URL.")
    model_dir: Path | None = setting(None, "a folder", "Where the built-in model is kept. Unset: DATA_DIR/models.")


class AccessSettings(Area):
    """Who gets in, and how often one may try."""

    admin_email: Annotated[str, AfterValidator(email_address)] = setting(
        "admin@example.com", "an e-mail address", "The first administrator, made at the first start in development."
    )
    password_min_length: Annotated[int, Field(ge=8, le=128)] = setting(
        15, "a number from 8 to 128", "Shortest password that is taken, in characters."
    )
    password_grant: Literal["on", "off"] = setting(
        "on", "on or off", "Whether the token endpoint takes e-mail and password."
    )
    reauthentication_seconds: Annotated[int, Field(ge=60, le=86400)] = setting(
        3600, "whole seconds, from 60 to 86400", "Age of a sign-in up to which it is enough for dangerous actions."
    )
    refresh_retry_seconds: Annotated[int, Field(ge=0, le=60)] = setting(
        0, "whole seconds, up to 60", "How long a spent refresh token gives the next one again; 0: its reuse ends all."
    )
    rate_limits: Literal["on", "off"] = setting(
        "on", "on or off", "Limits per caller, sign-in throttling included; off is refused in production."
    )
    rate_limit_caller: Annotated[int, Field(ge=10, le=UNITS_MAX)] = setting(
        600, "a number from 10 to 100000", "Units that a user or API key may spend in a minute; a read costs one."
    )
    rate_limit_address: Annotated[int, Field(ge=10, le=UNITS_MAX)] = setting(
        300, "a number from 10 to 100000", "Units that an address may spend in a minute without being signed in."
    )
    rate_limit_answers: Annotated[int, Field(ge=1, le=UNITS_MAX)] = setting(
        30, "a number from 1 to 100000", "Answers that a user or API key may ask for in a minute."
    )
    rate_limit_refusals: Annotated[int, Field(ge=1, le=UNITS_MAX)] = setting(
        60, "a number from 1 to 100000", "Missing, wrong or expired credentials in a minute from one address."
    )


class ObservedSettings(Area):
    """What may be seen from outside."""

    metrics_token: SecretStr | None = setting(
        None, "a long random text", "Bearer token for /metrics; in production it needs this or the loopback address."
    )
