"""What was used once, as rows: the primary key lets one of several users through."""

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from adapters.persistence.sqlalchemy.engine import Database
from adapters.persistence.sqlalchemy.tables.identity import spent_proofs
from domain.shared.values import Instant


class SqlSpentProofs:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def spend(self, digest: bytes, until: Instant) -> bool:
        def call(connection: Connection) -> bool:
            try:
                with connection.begin_nested():
                    connection.execute(insert(spent_proofs).values(digest=digest, expires_at=until))
            except IntegrityError:
                return False
            return True

        return await self._database.write(call)

    async def forget(self, now: Instant, limit: int) -> int:
        def call(connection: Connection) -> int:
            old = select(spent_proofs.c.digest).where(spent_proofs.c.expires_at <= now)
            digests = list(connection.execute(old.order_by(spent_proofs.c.expires_at).limit(limit)).scalars())
            connection.execute(delete(spent_proofs).where(spent_proofs.c.digest.in_(digests)))
            return len(digests)

        return await self._database.write(call)
