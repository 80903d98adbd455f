"""`fastops serve`: the service on one port, made complete at its first start in development."""

import errno
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from domain.shared.errors import Conflict, Invalid

if TYPE_CHECKING:
    from fastapi import FastAPI

    from entrypoints.settings.settings import Settings

BACKLOG = 2048
STOP_SECONDS = 20


class PortInUse(Conflict):
    default_code = "port_in_use"


class AddressRefused(Invalid):
    default_code = "address_refused"
    default_detail = "This machine cannot listen on that HOST and PORT; set others."


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; overrides HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port; overrides PORT.")] = None,
) -> None:
    """Start the service. In development the first start makes database, master key and administrator."""
    from adapters.telemetry.logging import configure_logging
    from entrypoints.settings.settings import load_settings

    settings = load_settings(host=host, port=port)
    configure_logging(settings.service.log_level, settings.service.log_format)
    listening = listen(settings.service.host, settings.service.port)
    try:
        _serve(settings, listening)
    finally:
        listening.close()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises PortInUse, or AddressRefused where it is not this machine's to use."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AddressRefused() from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            detail = f"Port {port} is in use: stop what runs there, or set PORT to another one."
            raise PortInUse(detail=detail) from error
        raise AddressRefused() from error
    return listening


def _serve(settings: "Settings", listening: socket.socket) -> None:
    import uvicorn

    from entrypoints.http.app import create_app
    from entrypoints.wiring.container import build_container

    app = create_app(build_container(settings), _lifespan)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=STOP_SECONDS,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        sys.exit(130)
    if not server.started:
        sys.exit(1)


@asynccontextmanager
async def _lifespan(app: "FastAPI") -> AsyncIterator[None]:
    from entrypoints.wiring.first_start import FirstStart
    from entrypoints.wiring.lifecycle import running

    container = app.state.container
    async with running(container, first_start=FirstStart(sys.stderr)):
        address = container.settings().public_url
        if sys.stderr.isatty():
            typer.echo(f"FastOps runs at {address}, its API browser at {address}/docs. Ctrl-C stops it.", err=True)
        yield
