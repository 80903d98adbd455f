"""Looks for secrets where they must not lie: in every row, every file and every line of the log, in all usual codes."""

import re
from base64 import b32decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from sqlalchemy import Connection, inspect, text

SHORTEST = 8
"""Fewer bytes than these are found by chance."""


def everything(connection: Connection) -> dict[str, bytes]:
    """All values of all columns, blobs among them, by `table.column`."""
    found: dict[str, list[bytes]] = {}
    for table in inspect(connection).get_table_names():
        quoted = connection.dialect.identifier_preparer.quote(table)
        for row in connection.execute(text(f"SELECT * FROM {quoted}")):
            for column, value in row._mapping.items():
                if value is not None:
                    found.setdefault(f"{table}.{column}", []).append(_plain(value))
    return {place: b"\n".join(values) for place, values in found.items()}


def all_files(folder: Path) -> dict[str, bytes]:
    """The bytes of every file below a folder; of SQLite so also what its log and its free pages still hold."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def traces(secrets: Mapping[str, str | bytes], places: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Each secret with each place where it can be read."""
    return [
        (name, place)
        for name, secret in secrets.items()
        for place, content in places.items()
        if any(needle in content for needle in needles(secret))
    ]


def needles(secret: str | bytes) -> set[bytes]:
    """What to look for: a secret and the bytes that it stands for, as they are, in hexadecimal digits, and in base64,
    also amid something longer that was encoded with it."""
    raw = _meanings(secret) if isinstance(secret, str) else {secret}
    found = raw | {code for one in raw for code in _codes(one)}
    assert all(len(needle) >= SHORTEST for needle in found), "too short to be looked for"
    return found


def _meanings(secret: str) -> set[bytes]:
    """A text as it is and as part of an address, and the bytes that base64url or base32 make of it."""
    bare = re.sub(r"[\s-]", "", secret)
    found = {form.encode() for form in (secret, bare, quote(secret), quote_plus(secret))}
    if re.fullmatch(r"[A-Za-z0-9_-]+", secret) and len(secret) % 4 != 1:
        found.add(urlsafe_b64decode(secret + "=" * (-len(secret) % 4)))
    if re.fullmatch(r"[A-Za-z2-7]+", bare) and len(bare) % 8 == 0:
        found |= {b32decode(bare.upper()), bare.upper().encode(), bare.lower().encode()}
    return found


def _codes(raw: bytes) -> Iterator[bytes]:
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for before in range(3):  # three bytes make four characters, and it may begin with each of the three
        first, last = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(before) + raw)[first:last]


def _plain(value: Any) -> bytes:
    return bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else str(value).encode()
