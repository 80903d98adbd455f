"""The key ring as rows; private keys are sealed before they come here."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select, update

from adapters.persistence.sqlalchemy.engine import Database, execute
from adapters.persistence.sqlalchemy.tables.identity import signing_keys
from application.identity.ports import StoredSigningKey


class SqlSigningKeys:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Sequence[StoredSigningKey]:
        statement = select(signing_keys).order_by(signing_keys.c.created_at, signing_keys.c.kid)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return [StoredSigningKey(**dict(row._mapping)) for row in rows]

    async def add(self, key: StoredSigningKey) -> None:
        def call(connection: Connection) -> None:
            known = connection.execute(select(signing_keys.c.kid).where(signing_keys.c.kid == key.kid)).first()
            if known is None:
                names = ("kid", "state", "private_sealed", "created_at")
                values = {name: getattr(key, name) for name in names} | {"public_jwk": dict(key.public_jwk)}
                connection.execute(insert(signing_keys).values(values))

        await self._database.write(call)

    async def set_states(self, states: Mapping[str, str]) -> None:
        def call(connection: Connection) -> None:
            for kid, state in states.items():
                connection.execute(update(signing_keys).where(signing_keys.c.kid == kid).values(state=state))

        await self._database.write(call)

    async def remove(self, kid: str) -> None:
        await execute(self._database, delete(signing_keys).where(signing_keys.c.kid == kid))
