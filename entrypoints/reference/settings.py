"""The page on settings."""

from enum import Enum
from typing import Any

from entrypoints.settings.areas import PREFIX, Area
from entrypoints.settings.refusals import METRICS_TOKEN_MIN
from entrypoints.settings.settings import areas, takes

HEAD = f"""# Settings

Every setting is an environment variable, or a line `NAME=value` in a file `.env` in the working directory. Each can
also be given with the prefix `{PREFIX}`, which wins; an empty value counts as unset. A value that cannot be used
stops the start with exit code 2 and names the setting, never the value.

In production (`ENVIRONMENT=production`) the start is refused when `PUBLIC_URL` does not begin with `https://`,
`VECTOR_STORE` or `DATABASE_URL` keeps its data in memory only, `RATE_LIMITS` is off, `LOG_LEVEL` is `DEBUG` (error
messages may quote input), `MASTER_KEY` is missing where no key file exists, `CORS_ORIGINS` has `*` or an origin without
TLS, `TRUSTED_PROXIES` trusts every address, or `METRICS_TOKEN` is shorter than {METRICS_TOKEN_MIN} characters.

This page is made from the code by `make docs`.
"""


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join([HEAD, *(_section(area) for area in areas().values())])


def _section(area: type[Area]) -> str:
    name = area.__name__.removesuffix("Settings")
    rows = [
        f"| `{field.upper()}` | {takes(area, field)} | {_default(info.default)} | {info.description} |"
        for field, info in area.model_fields.items()
    ]
    head = ["| Name | Takes | Unset | What it does |", "|---|---|---|---|"]
    return "\n".join([f"## {name}", "", (area.__doc__ or "").strip(), "", *head, *rows, ""])


def _default(value: Any) -> str:
    if value is None or value == ():
        return "–"
    return f"`{value.value if isinstance(value, Enum) else value}`"
