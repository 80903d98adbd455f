"""The contract of the last release, in docs/api, and whether today's service keeps it: `make release-api`."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from entrypoints.http.app import create_app
from entrypoints.reference.compatibility import breaks
from entrypoints.settings.settings import load_settings
from entrypoints.wiring.container import build_container

ROOT: Final = Path(__file__).parents[2]
RELEASED: Final = ROOT / "docs" / "api" / "v1.json"
CHANGELOG: Final = ROOT / "CHANGELOG.md"
TEXTS: Final = frozenset({"description", "example", "examples", "summary", "tags", "title"})
NAMED: Final = frozenset({"content", "headers", "paths", "properties", "responses", "schemas", "securitySchemes"})
"""Keywords under which names stand, which may be those of texts."""


def contract() -> dict[str, Any]:
    """Today's OpenAPI document without its texts and examples: what a client can depend on."""
    app = create_app(build_container(load_settings(None, database_url="memory://")))
    return {key: value for key, value in _bare(app.openapi()).items() if key != "tags"}


def released() -> dict[str, Any]:
    """The contract of the last release."""
    document: dict[str, Any] = json.loads(RELEASED.read_text("utf-8"))
    return document


def broken() -> list[str]:
    """What today's service has taken from the clients of the last release, a line each."""
    return breaks(released(), contract(), datetime.now(UTC).date())


def canonical(document: dict[str, Any]) -> str:
    """The same text for the same document: sorted, and without a space too many."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(item) for item in value]
    if not isinstance(value, dict):
        return value
    bare = {}
    for key, item in value.items():
        if key in NAMED and isinstance(item, dict):
            bare[key] = {name: _bare(part) for name, part in item.items()}
        elif key not in TEXTS:
            bare[key] = _bare(item)
    return bare


def is_out(release: str) -> bool:
    """Whether somebody may have this release already; the changelog says which one is still being made."""
    return f"## {release} (unreleased)" not in CHANGELOG.read_text("utf-8")


def main() -> None:
    """Take today's contract as the released one, unless it breaks a release that is out."""
    lines = broken() if RELEASED.exists() else []
    for line in lines:
        print(line, file=sys.stderr)
    if lines and is_out(released()["info"]["version"]):
        sys.exit(1)
    RELEASED.parent.mkdir(exist_ok=True)
    RELEASED.write_text(canonical(contract()), encoding="utf-8")


if __name__ == "__main__":
    main()
