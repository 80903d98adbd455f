"""The built-in embedding model."""

import typer

from entrypoints.cli.errors import say

app = typer.Typer(help="The built-in embedding model.", no_args_is_help=True)


@app.callback()
def models() -> None:
    """The built-in embedding model."""


@app.command()
def fetch() -> None:
    """Check the model's weights and make its fast form in MODEL_DIR, so that the first search need not wait for it."""
