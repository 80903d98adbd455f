"""What several use cases do: end the sessions of a user, and try again when a refresh moved one under them."""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from application.identity.ports import IdentityWork
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Work
from domain.identity.sessions import SessionEnd
from domain.shared.actor import Actor
from domain.shared.entity import Aggregate
from domain.shared.errors import StaleVersion
from domain.shared.values import Instant

R = TypeVar("R")
TRIES = 10


class ExpectationFailed(StaleVersion):
    """The version that the caller saw is not the present one: trying again cannot help."""


def require_version(entity: Aggregate, expected: int | None) -> None:
    """Raise ExpectationFailed unless `entity`, still unchanged, has the version that the caller saw."""
    if expected is not None and entity.version != expected:
        raise ExpectationFailed()


async def end_sessions(uow: IdentityWork, user_id: UUID, at: Instant, *, keep: UUID | None = None) -> int:
    """End all open sessions of a user but `keep`, within a work that the caller commits; how many there were."""
    sessions = [session for session in await uow.sessions.open_of(user_id) if session.id != keep]
    for session in sessions:
        session.end(SessionEnd.ENDED, at)
    return len(sessions)


async def sweep_sessions(
    work: Work[IdentityWork], actor: Actor, user_id: UUID, clock: Clock, *, keep: UUID | None = None
) -> None:
    """After a new password is committed: end what was begun with the old one while it was being written."""

    async def attempt() -> None:
        async with work(Operation("session.end", actor)) as uow:
            if await end_sessions(uow, user_id, clock.now(), keep=keep):
                await uow.commit(None)

    await settled(attempt)


async def settled(attempt: Callable[[], Awaitable[R]]) -> R:
    """The result of `attempt`, which reads everything anew each time another writer was faster."""
    for _ in range(TRIES - 1):
        try:
            return await attempt()
        except ExpectationFailed:
            raise
        except StaleVersion:
            continue
    return await attempt()
