"""Plain text: taken as it stands."""

from adapters.extraction.outline import Outline
from adapters.extraction.sniffing import Kind
from domain.knowledge.extracts import Extract


def read(text: str) -> Extract:
    """The text without blank edges. No headings: a guess at them in prose would be wrong more often than right."""
    outline = Outline()
    outline.block(text)
    return outline.extract(Kind.PLAIN)
