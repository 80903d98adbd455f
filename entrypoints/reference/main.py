"""Writes the generated pages of the guide: `make docs`."""

from collections.abc import Callable

from entrypoints.http.handbook import folder
from entrypoints.reference import commands, metrics, settings

PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands.page,
    "metrics.md": metrics.page,
    "settings.md": settings.page,
}


def main() -> None:
    for name, page in PAGES.items():
        (folder() / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
