"""The service for the length of one command: settings, parts and the actor, put together and taken apart again."""

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from domain.shared.actor import Actor, Origin, system_actor
from domain.shared.values import new_id
from entrypoints.wiring.process import begin_loading, end_loading

if TYPE_CHECKING:
    from entrypoints.settings.settings import Settings
    from entrypoints.wiring.container import Container

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Service:
    """What a command works with. The actor is the operating system's user and is audited as that."""

    settings: "Settings"
    container: "Container"
    actor: Actor


def run(command: Callable[[Service], Awaitable[T]], *, with_index: bool = False) -> T:
    """Carry out `command` on the running database; with `with_index` it can search.

    Raises WrongSettings, Unavailable where there is no database or its schema does not fit, and what `command` raises.
    """

    async def carry_out() -> T:
        async with _service(with_index) as service:
            return await command(service)

    return asyncio.run(carry_out())


def operating_system_user() -> str:
    """The name of whoever runs this, or the number where the system knows no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


@asynccontextmanager
async def _service(with_index: bool) -> AsyncIterator[Service]:
    begin_loading()
    from adapters.telemetry.logging import configure_logging, correlated
    from entrypoints.settings.settings import load_settings
    from entrypoints.wiring.container import build_container
    from entrypoints.wiring.lifecycle import Extent, running

    settings = load_settings().for_background()
    configure_logging(quiet_level(settings.service.log_level), settings.service.log_format)
    request_id = f"cli-{new_id()}"
    container = build_container(settings)
    with correlated(request_id):
        async with running(container, Extent.SEARCH if with_index else Extent.STORE):
            end_loading()
            actor = system_actor(operating_system_user(), Origin(request_id))
            yield Service(settings, container, actor)


def quiet_settings() -> "Settings":
    """The settings, for commands that need no more than them; logging is as `quiet_level` says."""
    from adapters.telemetry.logging import configure_logging
    from entrypoints.settings.settings import load_settings

    settings = load_settings()
    configure_logging(quiet_level(settings.service.log_level), settings.service.log_format)
    return settings


def quiet_level(level: str) -> str:
    """Commands tell what matters themselves, so only warnings are logged, or everything where DEBUG is asked for."""
    return "WARNING" if level == "INFO" else level
