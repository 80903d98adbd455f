"""What stops the start: settings that cannot be used, that contradict each other, or that production refuses."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from entrypoints.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class WrongSetting:
    """A setting that cannot be used: its name and what would be right, never its value."""

    name: str
    detail: str

    def __str__(self) -> str:
        return f"{self.name} {self.detail}"


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
            settings.store != "postgresql" or settings.secrets.master_key,
            WrongSetting("MASTER_KEY", key_detail),
        ),
    ]
    return [problem for fine, problem in checks if not fine]


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
    ]
    return [WrongSetting(name, detail) for fine, name, detail in checks if not fine]


def _has_master_key(settings: "Settings") -> bool:
    return settings.secrets.master_key is not None or settings.store != "sqlite" or settings.master_key_file.is_file()
