"""Built graphs on disk: made once from the weights, published whole with their hash, verified at every load."""

import contextlib
import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Literal

from adapters.embeddings.model_files import SHA256, WEIGHTS, ModelFiles

Precision = Literal["int8", "float32"]
BUILDER = 1
"""Moves with every change of `graph.py` after which the same weights give other bytes."""
GRAPH, DIGEST = "graph.onnx", "graph.onnx.sha256"


def graph(files: ModelFiles, folder: Path, precision: Precision) -> bytes:
    """The serialised graph of these weights, from `folder` where it is intact there, else built and kept there.

    Several processes may do this at once: each publishes a folder of its own by renaming it, the first one stays.
    Where `folder` cannot be written the graph is built anew each time. Raises Unavailable as `ModelFiles.path` does.
    """
    weights = files.path(WEIGHTS)
    place = folder / f"minilm-{SHA256[WEIGHTS][:12]}-{precision}-{BUILDER}"
    built = _read(place)
    if built is None:
        built = _build(weights, precision)
        with contextlib.suppress(OSError):
            _publish(built, place)
    return built


def _build(weights: Path, precision: Precision) -> bytes:
    """The onnx package is needed here only, and weighs more than the model at work."""
    from safetensors.numpy import load_file

    from adapters.embeddings.graph import GraphBuilder

    model = GraphBuilder(load_file(weights), int8=precision == "int8").build()
    return bytes(model.SerializeToString())


def _read(place: Path) -> bytes | None:
    """The bytes whose hash stands beside them; None where one is missing or they do not fit."""
    try:
        built, digest = (place / GRAPH).read_bytes(), (place / DIGEST).read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return None
    return built if hashlib.sha256(built).hexdigest() == digest.strip() else None


def _publish(built: bytes, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".building-", dir=place.parent))
    try:
        fresh = temporary / "fresh"
        fresh.mkdir()
        (fresh / GRAPH).write_bytes(built)
        (fresh / DIGEST).write_text(hashlib.sha256(built).hexdigest(), "ascii")
        if place.exists() and _read(place) is None:
            place.rename(temporary / "damaged")
        fresh.rename(place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
