"""What several use cases do: end the sessions of a user, and try again when a refresh moved one under them."""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from application.identity.ports import IdentityWork
from domain.identity.sessions import SessionEnd
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
