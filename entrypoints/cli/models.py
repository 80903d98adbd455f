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
    from adapters.embeddings.model_files import fetch as fetch_files
    from entrypoints.settings.settings import load_settings
    from entrypoints.wiring.container import build_container

    settings = load_settings()
    if settings.models.model_dir is None:
        settings.service.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    fetch_files(settings.model_dir, say)
    build_container(settings).retrieval.mini_lm().load()
    say("The model is ready.")
