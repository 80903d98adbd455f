"""What follows from changes of accounts. The use cases end sessions at once; this catches what slipped in beside."""

from uuid import UUID

from application.identity.ports import IdentityWork
from application.identity.sessions import end_sessions, settled
from application.shared.journal import JournalEntry, JournalEvent, Reaction
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Work
from domain.identity.users import UserDeleted, UserDisabled
from domain.shared.actor import Origin, system_actor


class IdentityReactions:
    """Idempotent: what has ended stays as it is. Runs as `system:reactions` with the id of the causing request."""

    def __init__(self, work: Work[IdentityWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    def table(self) -> tuple[Reaction, ...]:
        """The reactions of identity."""
        return (
            Reaction("identity.end_sessions", frozenset({UserDisabled.name, UserDeleted.name}), self.end_sessions),
            Reaction("identity.remove_keys", frozenset({UserDeleted.name}), self.remove_keys),
        )

    async def end_sessions(self, entry: JournalEntry, event: JournalEvent) -> None:
        """End the sessions that a user who was shut out or deleted still has. One enabled since then keeps his."""
        user_id = UUID(event.payload["user_id"])

        async def attempt() -> None:
            async with self._work(self._operation("session.end", entry)) as uow:
                user = await uow.users.find(user_id)
                if (user is None or not user.is_active) and await end_sessions(uow, user_id, self._clock.now()):
                    await uow.commit(None)

        await settled(attempt)

    async def remove_keys(self, entry: JournalEntry, event: JournalEvent) -> None:
        """Remove the keys of a deleted user."""

        async def attempt() -> None:
            async with self._work(self._operation("api_key.revoke", entry)) as uow:
                keys = await uow.api_keys.of_owner(UUID(event.payload["user_id"]))
                for key in keys:
                    key.revoke(self._clock.now())
                    uow.api_keys.remove(key)
                if keys:
                    await uow.commit(None)

        await settled(attempt)

    @staticmethod
    def _operation(name: str, entry: JournalEntry) -> Operation:
        return Operation(name, system_actor("reactions", Origin(request_id=entry.request_id)))
