"""Keys that operators make."""

import base64
import secrets

import typer

app = typer.Typer(help="Make keys.", no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Make keys."""


@app.command("make-master")
def make_master() -> None:
    """Print a new master key: 32 random bytes in base64, for the setting MASTER_KEY. It is stored nowhere."""
    print(base64.b64encode(secrets.token_bytes(32)).decode())
