"""Keys of the installation: the master key, and those that sign access tokens and the audit trail."""

import base64
import secrets
from typing import Annotated, Any

import typer

from entrypoints.cli.output import JsonFlag, print_json, print_rows
from entrypoints.cli.service import Service, run

app = typer.Typer(help="Master key and signing keys.", no_args_is_help=True)

SHOWN = ["kid", "state", "created_at"]


@app.command("make-master")
def make_master() -> None:
    """Print a new master key: 32 random bytes in base64, for the setting MASTER_KEY. It is stored nowhere."""
    print(base64.b64encode(secrets.token_bytes(32)).decode())


@app.command("list")
def list_keys(as_json: JsonFlag = False) -> None:
    """List the signing keys, newest first: next (published), active (signs), retired (still verifies)."""

    async def work(service: Service) -> list[dict[str, Any]]:
        return _listed(service)

    _show(run(work), as_json)


@app.command()
def rotate(
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Do not wait until everybody knows the next key; some tokens may fail.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Sign with the next key from now on and publish another. Exit code 4 where the next one is too new for that."""

    async def work(service: Service) -> list[dict[str, Any]]:
        container = service.container
        await container.security.key_ring().rotate(
            container.persistence.clock().now(), at_once=at_once, by=service.actor
        )
        return _listed(service)

    _show(run(work), as_json)


@app.command()
def revoke(kid: Annotated[str, typer.Argument(help="Id of the key, as `fastops keys list` shows it.")]) -> None:
    """Forget a signing key: access tokens that it signed are refused within seconds, sessions go on by refreshing."""

    async def work(service: Service) -> None:
        container = service.container
        await container.security.key_ring().revoke(kid, container.persistence.clock().now(), by=service.actor)

    run(work)
    typer.echo("The key is gone.", err=True)


@app.command("rotate-audit")
def rotate_audit() -> None:
    """Sign the heads of the audit trail with a new key from now on, and print its id; former signatures stay valid."""

    async def work(service: Service) -> str:
        kid: str = await service.container.audit.head_keys().rotate(service.actor)
        return kid

    print(run(work))


def _listed(service: Service) -> list[dict[str, Any]]:
    keys = service.container.security.key_ring().listed()
    return [{"kid": key.kid, "state": key.state, "created_at": key.created_at} for key in keys]


def _show(keys: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(keys)
    else:
        print_rows(keys, SHOWN)
