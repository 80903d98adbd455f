"""The guide as it travels with the service: beside the code in a wheel, in docs/guide in a checkout."""

from functools import cache
from pathlib import Path


def folder() -> Path:
    """Where the pages of the guide lie."""
    entrypoints = Path(__file__).parent.parent
    packaged = entrypoints / "handbook"
    return packaged if packaged.is_dir() else entrypoints.parent / "docs" / "guide"


@cache
def sections(page: str) -> dict[str, str]:
    """The second-level sections of a page by their heading, without the backquotes; Markdown, in the page's order."""
    found: dict[str, str] = {}
    for part in ("\n" + (folder() / page).read_text("utf-8")).split("\n## ")[1:]:
        heading, _, text = part.partition("\n")
        found[heading.strip().strip("`")] = text.strip()
    return found
