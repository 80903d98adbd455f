"""The key ring as rows; private keys are sealed before they come here. And which key signs heads of the trail."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, delete, insert, select, update

from adapters.persistence.entries import noted_entry
from adapters.persistence.sqlalchemy.engine import Database
from adapters.persistence.sqlalchemy.journal import HEAD_KEY, HEAD_KEY_NAME
from adapters.persistence.sqlalchemy.tables.identity import epochs, signing_keys
from adapters.persistence.sqlalchemy.unit_writer import Unit, write_unit
from application.identity.signing_keys import SigningKeyChange, StoredSigningKey
from application.shared.notes import Note
from application.shared.ports import Clock


class SqlSigningKeys:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def load(self) -> Sequence[StoredSigningKey]:
        statement = select(signing_keys).order_by(signing_keys.c.created_at, signing_keys.c.kid)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return [StoredSigningKey(**dict(row._mapping)) for row in rows]

    async def change(self, change: SigningKeyChange, note: Note) -> None:
        def call(connection: Connection) -> None:
            known = set(connection.execute(select(signing_keys.c.kid)).scalars())
            for key in change.add:
                if key.kid not in known:
                    names = ("kid", "state", "private_sealed", "created_at")
                    values = {name: getattr(key, name) for name in names} | {"public_jwk": dict(key.public_jwk)}
                    connection.execute(insert(signing_keys).values(values))
            for kid, state in change.states.items():
                connection.execute(update(signing_keys).where(signing_keys.c.kid == kid).values(state=state))
            connection.execute(delete(signing_keys).where(signing_keys.c.kid.in_(change.remove)))
            _write_note(connection, note, self._clock)

        await self._database.write(call)


class SqlHeadKey:
    """The port `HeadKeyStore`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def change(self, note: Callable[[int], Note]) -> int:
        def call(connection: Connection) -> int:
            following = update(epochs).where(epochs.c.name == HEAD_KEY_NAME).values(number=epochs.c.number + 1)
            if not connection.execute(following).rowcount:
                connection.execute(insert(epochs).values(name=HEAD_KEY_NAME, number=2))
            generation: int = connection.execute(HEAD_KEY).scalar_one()
            _write_note(connection, note(generation), self._clock)
            return generation

        return await self._database.write(call)


def _write_note(connection: Connection, note: Note, clock: Clock) -> None:
    entries = [noted_entry(note, clock.now())]
    write_unit(connection, Unit(changes=(), bulk=(), guards=(), entries=entries, repeat=None))
