"""`fastops serve`: the service on one port, made complete at its first start in development."""

import errno
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.shared.errors import Conflict, Invalid
from entrypoints.cli.errors import say
from entrypoints.http.transport import UNSENT_BYTES
from entrypoints.wiring.huge_pages import use_huge_pages
from entrypoints.wiring.process import begin_loading, end_loading

if TYPE_CHECKING:
    from entrypoints.settings.settings import Settings

BACKLOG = 2048


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
    begin_loading()
    from adapters.telemetry.logging import configure_logging
    from entrypoints.settings.settings import load_settings

    settings = load_settings(host=host, port=port)
    configure_logging(settings.service.log_level, settings.service.log_format)
    listening = listen(settings.service.host, settings.service.port)
    try:
        _serve(settings, listening)
    finally:
        listening.close()


def greeting(settings: "Settings") -> str:
    """Where the service is, how to sign in, and three next steps to copy."""
    browser = f", its API browser at {settings.public_url}/docs" if settings.shows_api_docs else ""
    return f"""
  FastOps runs at {settings.public_url}{browser}.
  Sign in as the administrator; if the password is lost: fastops user reset-password {settings.access.admin_email}

  Next, in a second terminal (the commands are in {Path(sys.argv[0]).parent}):
    fastops ask "How long does an access token last?"
    fastops ingest README.md docs --collection papers
    curl {settings.public_url}/api/v1/auth/token -d grant_type=password -d username={settings.access.admin_email} \\
      --data-urlencode "password=$PASSWORD"
"""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises PortInUse, or AddressRefused where it is not this machine's to use."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AddressRefused() from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # connections take it over from the socket that listens
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
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
    """Run until a signal comes. What prevents the start is raised here and told like any refusal."""
    import asyncio

    from entrypoints.cli.server import DrainingServer
    from entrypoints.wiring.container import build_container
    from entrypoints.wiring.first_start import FirstStart
    from entrypoints.wiring.lifecycle import running

    container = build_container(settings)
    server = DrainingServer(container)

    async def carry_out() -> None:
        async with running(container, first_start=FirstStart(sys.stderr)):
            end_loading()
            pages = asyncio.create_task(asyncio.to_thread(use_huge_pages))  # takes seconds where memory is large
            if sys.stderr.isatty():
                say(greeting(settings))
            await server.serve(sockets=[listening])
            await pages

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(carry_out())
