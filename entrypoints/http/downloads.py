"""Content that is saved as a file: its name, and its parts as they come."""

from collections.abc import AsyncIterator
from urllib.parse import quote


def disposition(name: str) -> str:
    """`attachment` with the name for today's clients (RFC 8187) and an ASCII one for the others."""
    plain = "".join(character if _is_plain(character) else "_" for character in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


async def parts_after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The parts of a content whose first one was read before the answer began, so that its absence could be told."""
    yield first
    async for part in rest:
        yield part


def _is_plain(character: str) -> bool:
    return character.isascii() and character.isprintable() and character not in '"\\%'
