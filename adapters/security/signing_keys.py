"""The ring of Ed25519 keys that sign access tokens: next (published) → active → retired (verifies only) → gone.

Private keys lie sealed in the store. Public ones are taken from what was sealed, so nobody slips in a key by writing
to the database.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from joserfc.jwk import OKPKey

from adapters.security.master_key import MasterKeyRefused
from adapters.security.sealing import Sealer
from application.identity.signing_keys import SigningKeyChange, SigningKeyStore, StoredSigningKey
from application.shared.notes import Note, Notes
from domain.shared.actor import Actor, system_actor
from domain.shared.errors import Conflict, NotFound, Unavailable
from domain.shared.values import Instant

NEXT, ACTIVE, RETIRED = "next", "active", "retired"
ALGORITHM = "Ed25519"
"""The fully specified name of RFC 9864; the older `EdDSA` is deprecated there."""
RETIRED_KEPT = 4
ITSELF = system_actor("signing-keys")
PUBLISHED_BEFORE = timedelta(minutes=2)
"""Processes load the ring every few seconds, and clients may keep the published keys for a minute."""


class RotationTooSoon(Conflict):
    default_code = "rotation_too_soon"
    default_detail = (
        "The next key was published a moment ago; wait two minutes, so that everybody knows it, or use --at-once where "
        "the present one has leaked."
    )


class KeyRing:
    """The keys as this process knows them. `refresh` them every few seconds: other processes rotate too.

    A key is published a whole rotation before it signs, so no process meets a token whose key it does not know.
    """

    def __init__(self, store: SigningKeyStore, sealer: Sealer) -> None:
        self._store, self._sealer = store, sealer
        self._rows: tuple[StoredSigningKey, ...] = ()
        self._keys: Mapping[str, OKPKey] = {}
        self._active: OKPKey | None = None
        self.epoch = 0

    @property
    def active(self) -> OKPKey:
        """The key that signs. Raises Unavailable before the ring is loaded."""
        if self._active is None:
            raise Unavailable("signing_keys_missing", "The signing keys are not loaded yet; try again in a moment.")
        return self._active

    @property
    def keys(self) -> Mapping[str, OKPKey]:
        """All keys that verify, whatever their state, by their ids."""
        return self._keys

    def jwks(self) -> dict[str, object]:
        """The public keys, RFC 7517."""
        parts = {"use": "sig", "alg": ALGORITHM}
        return {"keys": [{**key.as_dict(private=False), "kid": kid, **parts} for kid, key in self._keys.items()]}

    async def ensure(self, now: Instant, by: Actor = ITSELF) -> None:
        """Load the ring, and make its first keys where there are none. Call it under a lease at start."""
        await self.refresh()
        states = {row.state for row in self._rows}
        made = [self._new(state, now) for state in (ACTIVE, NEXT) if state not in states]
        if made:
            await self._change("signing_key.create", made[0].kid, SigningKeyChange(add=made), by)

    async def refresh(self) -> None:
        """Take over what the store holds. Raises MasterKeyRefused where the keys were sealed under another one."""
        rows = tuple(await self._store.load())
        if rows == self._rows:
            return
        keys = {row.kid: self._opened(row) for row in rows}
        signing = [row.kid for row in rows if row.state == ACTIVE]
        self._rows, self._keys = rows, keys
        self._active = keys[signing[0]] if signing else None
        self.epoch += 1

    async def rotate(self, now: Instant, *, at_once: bool = False, by: Actor = ITSELF) -> None:
        """Sign with the next key from now on, publish another, and forget the oldest retired ones.

        Raises Conflict `rotation_too_soon` while the next key has been published for less than two minutes, unless
        `at_once`: processes and clients that do not know it yet would refuse its tokens.
        """
        await self.ensure(now, by)
        published = min(row.created_at for row in self._rows if row.state == NEXT)
        if now - published < PUBLISHED_BEFORE and not at_once:
            raise RotationTooSoon()
        states = {row.kid: RETIRED for row in self._rows if row.state == ACTIVE}
        coming = [row.kid for row in self._rows if row.state == NEXT]
        states |= dict.fromkeys(coming, ACTIVE)
        outlived = _outlived([replace(row, state=states.get(row.kid, row.state)) for row in self._rows])
        change = SigningKeyChange(add=[self._new(NEXT, now)], states=states, remove=[row.kid for row in outlived])
        await self._change("signing_key.rotate", coming[0], change, by)

    async def revoke(self, kid: str, now: Instant, *, by: Actor = ITSELF) -> None:
        """Forget a key: tokens that it signed are refused. The active one is followed by the next one at once.

        Raises NotFound for a key that is not in the ring.
        """
        await self.ensure(now, by)
        row = next((row for row in self._rows if row.kid == kid), None)
        if row is None:
            raise NotFound(detail="There is no signing key of this id; `fastops keys list` shows them.")
        if row.state == ACTIVE:
            await self.rotate(now, at_once=True, by=by)
        await self._change("signing_key.revoke", kid, SigningKeyChange(remove=[kid]), by)
        await self.ensure(now, by)

    async def _change(self, operation: str, kid: str, change: SigningKeyChange, by: Actor) -> None:
        """Write a change of the ring with the journal entry that tells the states of keys before and after."""
        before = {row.kid: row.state for row in self._rows}
        after = {**before, **{key.kid: key.state for key in change.add}, **change.states}
        note = Note(
            operation=operation,
            actor=by,
            target_type="signing_key",
            target_id=kid,
            before={"keys": before},
            after={"keys": {name: state for name, state in after.items() if name not in change.remove}},
        )
        await self._store.change(change, note)
        await self.refresh()

    def listed(self) -> Sequence[StoredSigningKey]:
        """The keys as they are stored, the newest first."""
        return sorted(self._rows, key=lambda row: row.created_at, reverse=True)

    def _new(self, state: str, now: Instant) -> StoredSigningKey:
        key = OKPKey.generate_key("Ed25519", auto_kid=False)
        kid = key.thumbprint()
        public = {name: str(value) for name, value in key.as_dict(private=False).items()}
        sealed = self._sealer.seal(json.dumps(key.as_dict(private=True)).encode(), kid.encode())
        return StoredSigningKey(kid=kid, state=state, public_jwk=public, private_sealed=sealed, created_at=now)

    def _opened(self, row: StoredSigningKey) -> OKPKey:
        try:
            return OKPKey.import_key(json.loads(self._sealer.open(row.private_sealed, row.kid.encode())))
        except ValueError:
            detail = "MASTER_KEY is not the one that sealed the signing keys of this database: set the former one."
            raise MasterKeyRefused("master_key_differs", detail) from None


class MemorySigningKeys:
    """The port `SigningKeyStore` without a database, for tests and throw-away installations."""

    def __init__(self, notes: Notes | None = None) -> None:
        self._rows: dict[str, StoredSigningKey] = {}
        self._notes = notes

    async def load(self) -> Sequence[StoredSigningKey]:
        return sorted(self._rows.values(), key=lambda row: (row.created_at, row.kid))

    async def change(self, change: SigningKeyChange, note: Note) -> None:
        for key in change.add:
            self._rows.setdefault(key.kid, key)
        for kid, state in change.states.items():
            self._rows[kid] = replace(self._rows[kid], state=state)
        for kid in change.remove:
            self._rows.pop(kid, None)
        if self._notes is not None:
            await self._notes.write([note])


def _outlived(rows: Sequence[StoredSigningKey]) -> list[StoredSigningKey]:
    retired = sorted((row for row in rows if row.state == RETIRED), key=lambda row: (row.created_at, row.kid))
    return retired[:-RETIRED_KEPT]
