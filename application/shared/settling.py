"""Changes that others make at the same time: the caller's version, and trying again where none was named."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from domain.shared.entity import Aggregate
from domain.shared.errors import StaleVersion

R = TypeVar("R")
TRIES = 10


class ExpectationFailed(StaleVersion):
    """The version that the caller saw is not the present one: trying again cannot help."""


def require_version(entity: Aggregate, expected: int | None) -> None:
    """Raise ExpectationFailed unless `entity`, still unchanged, has the version that the caller saw."""
    if expected is not None and entity.version != expected:
        raise ExpectationFailed()


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
