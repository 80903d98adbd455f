"""Use case of the keys that sign heads: changing them."""

from application.audit.ports import HeadKeys, HeadKeyStore
from application.shared.notes import Note
from domain.shared.actor import Actor, ActorType
from domain.shared.errors import Forbidden


class HeadKeyService:
    """What former keys have signed stays valid."""

    def __init__(self, store: HeadKeyStore, keys: HeadKeys) -> None:
        self._store, self._keys = store, keys

    async def rotate(self, actor: Actor) -> str:
        """Sign all heads from now on with a new key; its id. Only who runs the service may: raises Forbidden."""
        if actor.type is not ActorType.SYSTEM:
            raise Forbidden()

        def note(generation: int) -> Note:
            former, kid = self._keys.kid(generation - 1), self._keys.kid(generation)
            return Note(
                operation="head_key.rotate",
                actor=actor,
                target_type="head_key",
                target_id=kid,
                before={"key_id": former},
                after={"key_id": kid},
            )

        return self._keys.kid(await self._store.change(note))
