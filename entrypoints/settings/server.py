"""How many connections the HTTP server holds, and how it comes to its end."""

from typing import Annotated

from pydantic import Field

from entrypoints.settings.areas import Area, setting


class ServerSettings(Area):
    """How many connections the server holds, and how it comes to its end."""

    max_connections: Annotated[int, Field(ge=10, le=1_000_000)] = setting(
        10_000,
        "a number from 10 to 1000000",
        "Open connections; beyond it the one that has waited longest for a request gives way.",
    )
    drain_seconds: Annotated[float, Field(ge=0, le=3600)] | None = setting(
        None,
        "seconds, up to 3600",
        "How long a service that was told to stop still takes requests, while /readyz answers 503. "
        "Unset: 0 in development, else 5.",
    )
    stop_seconds: Annotated[float, Field(ge=0, le=3600)] = setting(
        20.0, "seconds, up to 3600", "How long requests may take to finish after that."
    )
