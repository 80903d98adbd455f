"""What follows from changes of accounts. The use cases end sessions at once; this catches what slipped in beside."""

from uuid import UUID

from application.identity.ports import IdentityWork
from application.identity.sessions import end_sessions
from application.shared.journal import JournalEntry, JournalEvent, Reaction
from application.shared.ports import Clock
from application.shared.settling import settled
from application.shared.unit_of_work import Operation, Work
from domain.identity.users import UserDisabled
from domain.shared.actor import Origin, system_actor


class IdentityReactions:
    """Idempotent: what has ended stays as it is. Runs as `system:reactions` with the id of the causing request."""

    def __init__(self, work: Work[IdentityWork], clock: Clock) -> None:
        self._work, self._clock = work, clock

    def table(self) -> tuple[Reaction, ...]:
        """The reactions of identity. Of a deleted user nothing is left: the stores let no session or key outlive it."""
        return (Reaction("identity.end_sessions", frozenset({UserDisabled.name}), self.end_sessions),)

    async def end_sessions(self, entry: JournalEntry, event: JournalEvent) -> None:
        """End the sessions that a user who was shut out still has. One enabled since then keeps his."""
        user_id, cause = UUID(event.payload["user_id"]), Origin(request_id=entry.request_id)

        async def attempt() -> None:
            async with self._work(Operation("session.end", system_actor("reactions", cause))) as uow:
                user = await uow.users.find(user_id)
                if user is None or user.is_active:
                    return
                if await end_sessions(uow, user_id, self._clock.now()):
                    await uow.commit(None)

        await settled(attempt)
