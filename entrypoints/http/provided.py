"""How a route gets its services: from the container of its own application, by an asynchronous dependency."""

from collections.abc import Awaitable, Callable
from operator import attrgetter
from typing import Any

from fastapi import Depends, Request


def provided(path: str) -> Any:
    """The service that the container provides at `path` (`identity.users`), for `Annotated[UserService, …]`.

    Asynchronous, because a synchronous dependency costs a hop to a thread; and looked up on the application, because
    several applications with containers of their own may live in one process.
    """
    return Depends(resolver(path))


def resolver(path: str) -> Callable[[Request], Awaitable[Any]]:
    provider_of = attrgetter(path)

    async def resolve(request: Request) -> Any:
        return provider_of(request.app.state.container)()

    return resolve
