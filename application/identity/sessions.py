"""Sessions of others, and what several use cases do: end those of a user."""

from uuid import UUID

from application.identity.ports import IdentityLists, IdentityWork
from application.identity.rights import require_holding
from application.identity.views import SessionView
from application.shared.ports import Clock
from application.shared.settling import settled
from application.shared.unit_of_work import Operation, Work
from domain.identity.sessions import SessionEnd
from domain.shared.actor import Actor, Permission
from domain.shared.errors import NotFound
from domain.shared.values import Instant, ListQuery, Page


class SessionService:
    """Needs users:read or users:write. Nobody signs out those who have more rights than himself."""

    def __init__(self, work: Work[IdentityWork], lists: IdentityLists, clock: Clock) -> None:
        self._work, self._lists, self._clock = work, lists, clock

    async def page(self, actor: Actor, user_id: UUID, query: ListQuery) -> Page[SessionView]:
        """Where a user is signed in. Sorts: created_at."""
        actor.require(Permission.USERS_READ)
        return await self._lists.sessions(user_id, query)

    async def end(self, actor: Actor, session_id: UUID) -> None:
        """End one session; its tokens stop within a second. Raises NotFound for one that has ended, RightsNotHeld."""
        actor.require(Permission.USERS_WRITE)

        async def attempt() -> None:
            async with self._work(Operation("session.end", actor)) as uow:
                session = await uow.sessions.find(session_id)
                if session is None or session.ended_at is not None:
                    raise NotFound(detail="There is no open session of this id.")
                await require_holding(uow, actor, (await uow.users.get(session.user_id)).roles)
                session.end(SessionEnd.ENDED, self._clock.now())
                await uow.commit(None)

        await settled(attempt)

    async def end_all(self, actor: Actor, user_id: UUID) -> int:
        """End all sessions of a user; how many there were. Raises NotFound, RightsNotHeld."""
        actor.require(Permission.USERS_WRITE)

        async def attempt() -> int:
            async with self._work(Operation("session.end", actor)) as uow:
                await require_holding(uow, actor, (await uow.users.get(user_id)).roles)
                ended = await end_sessions(uow, user_id, self._clock.now())
                return await uow.commit(ended)

        return await settled(attempt)


async def end_sessions(uow: IdentityWork, user_id: UUID, at: Instant, *, keep: UUID | None = None) -> int:
    """End all open sessions of a user but `keep`, within a work that the caller commits; how many there were."""
    sessions = [session for session in await uow.sessions.open_of(user_id) if session.id != keep]
    for session in sessions:
        session.end(SessionEnd.ENDED, at)
    return len(sessions)


async def sweep_sessions(
    work: Work[IdentityWork], actor: Actor, user_id: UUID, clock: Clock, *, keep: UUID | None = None
) -> None:
    """End all open sessions of a user but `keep`. After a new password: what was begun with the old one meanwhile."""

    async def attempt() -> None:
        async with work(Operation("session.end", actor)) as uow:
            if await end_sessions(uow, user_id, clock.now(), keep=keep):
                await uow.commit(None)

    await settled(attempt)
