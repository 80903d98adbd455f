"""Original bytes as rows of at most 1 MiB, in the database beside everything else; and whose they are."""

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from adapters.persistence.sqlalchemy.engine import Database, execute
from adapters.persistence.sqlalchemy.replicas import Freshness
from adapters.persistence.sqlalchemy.tables.knowledge import blobs, documents
from domain.shared.errors import NotFound

PART_BYTES = 1024 * 1024
KEYS_PER_QUERY = 500


class DatabaseBlobs:
    """A blob is written whole: its parts are gathered first and committed together."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, key: str, content: AsyncIterator[bytes] | bytes) -> None:
        data = content if isinstance(content, bytes) else b"".join([part async for part in content])
        await self.put_many([(key, data)])

    async def put_many(self, items: Sequence[tuple[str, bytes]]) -> None:
        rows = [row for key, data in items for row in _parts(key, data)]
        if rows:
            await self._database.write(lambda connection: _insert(connection, rows))

    async def read(self, key: str) -> bytes:
        return b"".join([part async for part in self.stream(key)])

    async def read_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        def call(connection: Connection) -> dict[str, bytes]:
            found: dict[str, bytes] = {}
            for at in range(0, len(keys), KEYS_PER_QUERY):
                wanted = blobs.c.key.in_(keys[at : at + KEYS_PER_QUERY])
                for row in connection.execute(select(blobs).where(wanted).order_by(blobs.c.key, blobs.c.part)):
                    found[row.key] = found.get(row.key, b"") + row.content
            return found

        return await self._database.read(call, Freshness.COMMITTED)

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        part = 0
        while True:
            content = await self._database.read(partial(_part, key=key, part=part), Freshness.COMMITTED)
            if content is None:
                break
            part += 1
            yield content
        if part == 0:
            raise NotFound("content_not_found", "The original bytes of this document are gone.")

    async def delete(self, key: str) -> None:
        statement = delete(blobs).where(blobs.c.key == key)
        await execute(self._database, statement)

    async def keys(self, after: str, before: str, limit: int) -> Sequence[str]:
        here = [blobs.c.part == 0, blobs.c.key > after, blobs.c.key < before]
        statement = select(blobs.c.key).where(*here).order_by(blobs.c.key).limit(limit)
        return await self._database.read(lambda connection: list(connection.execute(statement).scalars()))


class SqlHeldBytes:
    """The port `HeldBytes`, by the rows of documents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def held(self, keys: Sequence[str]) -> frozenset[str]:
        def call(connection: Connection) -> frozenset[str]:
            parts = [keys[at : at + KEYS_PER_QUERY] for at in range(0, len(keys), KEYS_PER_QUERY)]
            chosen = [select(documents.c.blob_key).where(documents.c.blob_key.in_(part)) for part in parts]
            return frozenset(key for statement in chosen for key in connection.execute(statement).scalars())

        return await self._database.read(call)


def _parts(key: str, data: bytes) -> list[dict[str, Any]]:
    starts = range(0, max(len(data), 1), PART_BYTES)
    return [{"key": key, "part": n, "content": data[at : at + PART_BYTES]} for n, at in enumerate(starts)]


def _insert(connection: Connection, rows: list[dict[str, Any]]) -> None:
    connection.execute(insert(blobs), rows)


def _part(connection: Connection, key: str, part: int) -> bytes | None:
    statement = select(blobs.c.content).where(blobs.c.key == key, blobs.c.part == part)
    content: bytes | None = connection.execute(statement).scalar()
    return content
