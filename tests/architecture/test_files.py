"""Sizes and shapes that keep the house easy to read."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("domain", "application", "adapters", "entrypoints", "migrations")
SOURCE_LINES_MAX = 300
TEST_LINES_MAX = 500


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", python_files(*LAYERS, "tests", "benchmarks"), ids=name)
def test_no_file_is_too_long(path: Path) -> None:
    if path.parent.name == "versions":
        return
    most = SOURCE_LINES_MAX if path.relative_to(ROOT).parts[0] in LAYERS else TEST_LINES_MAX
    assert len(path.read_text("utf-8").splitlines()) <= most


@pytest.mark.parametrize("path", python_files(*LAYERS), ids=name)
def test_every_module_says_what_lives_in_it(path: Path) -> None:
    documentation = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert documentation
    assert documentation.strip() != "TODO"


@pytest.mark.parametrize("path", [path for path in python_files(*LAYERS) if path.name == "__init__.py"], ids=name)
def test_a_package_file_is_its_one_line_purpose(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) == 1


def test_contexts_have_the_same_name_in_domain_and_application() -> None:
    contexts = {
        layer: {path.name for path in (ROOT / layer).iterdir() if (path / "__init__.py").exists()}
        for layer in ("domain", "application")
    }
    assert contexts["domain"] == contexts["application"]
