"""Built graphs on disk, named by what they were made from, so that only the first start builds one."""

import hashlib
import os
import tempfile
from pathlib import Path

from adapters.embeddings.model_files import SHA256, WEIGHTS, ModelFiles
from domain.shared.errors import StorageFull


def graph_file(files: ModelFiles, cache: Path, *, int8: bool) -> Path:
    """The graph of these weights, intact; built where it is not there yet. Two processes may build at once."""
    from adapters.embeddings.graph import BUILDER

    form = "int8" if int8 else "fp32"
    path = cache / f"minilm-{SHA256[WEIGHTS][:12]}-{BUILDER}-{form}.onnx"
    if not _is_intact(path):
        _write(path, _built(files, int8=int8))
    return path


def _built(files: ModelFiles, *, int8: bool) -> bytes:
    from safetensors.numpy import load_file

    from adapters.embeddings.graph import GraphBuilder

    content: bytes = GraphBuilder(load_file(files.weights), int8=int8).build().SerializeToString()
    return content


def _write(path: Path, content: bytes) -> None:
    """The digest comes last: a graph without its digest is built again."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for target, data in ((path, content), (_digest_of(path), hashlib.sha256(content).hexdigest().encode())):
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".building-")
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).replace(target)
    except OSError as error:
        raise StorageFull(detail="There is no room in DATA_DIR to prepare the model: free some space.") from error


def _is_intact(path: Path) -> bool:
    try:
        expected = _digest_of(path).read_text(encoding="ascii")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == expected
    except (OSError, ValueError):
        return False


def _digest_of(path: Path) -> Path:
    return path.with_suffix(".sha256")
