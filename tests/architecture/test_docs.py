"""Documentation held against the code: what is not written down does not pass."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest
from prometheus_client import REGISTRY

import adapters
import application
import domain
import entrypoints
from domain.shared.actor import Permission
from domain.shared.errors import FastOpsError
from entrypoints.reference.commands import commands
from entrypoints.reference.main import PAGES as GENERATED
from entrypoints.settings.settings import areas

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide"
PAGES = {path.name: path.read_text("utf-8") for path in GUIDE.glob("*.md")}
EVERYTHING = "\n".join(PAGES.values())
SOURCES = [
    path for layer in ("domain", "application", "adapters", "entrypoints") for path in (ROOT / layer).rglob("*.py")
]


def modules() -> Iterator[Any]:
    for package in (domain, application, adapters, entrypoints):
        for found in walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith((".main", "__main__")):
                yield import_module(found.name)


def error_classes(of: type[FastOpsError] = FastOpsError) -> Iterator[type[FastOpsError]]:
    for child in of.__subclasses__():
        yield child
        yield from error_classes(child)


def codes() -> set[str]:
    """Codes of the error classes, and those given where an error is raised."""
    list(modules())
    classes = {child.default_code for child in error_classes() if child.__module__.partition(".")[0] in LAYERS}
    names = "|".join(child.__name__ for child in error_classes())
    raised = re.compile(rf"\b(?:{names})\(\s*\"([a-z][a-z0-9_]+)\"")
    return classes | {code for path in SOURCES for code in raised.findall(path.read_text("utf-8"))}


LAYERS = {"domain", "application", "adapters", "entrypoints"}


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_generated_pages_are_current(name: str) -> None:
    assert PAGES[name] == GENERATED[name](), "run `make docs`"


@pytest.mark.parametrize("name", [name.upper() for area in areas().values() for name in area.model_fields])
def test_every_setting_is_on_its_page(name: str) -> None:
    assert f"| `{name}` |" in PAGES["settings.md"]


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_is_on_its_page(name: str) -> None:
    assert f"## {name}\n" in PAGES["commands.md"]


@pytest.mark.parametrize("permission", Permission)
def test_every_permission_is_in_the_guide(permission: Permission) -> None:
    assert f"`{permission.value}`" in EVERYTHING


def test_every_error_code_has_its_section() -> None:
    sections = set(re.findall(r"^## `([a-z0-9_]+)`$", PAGES["problems.md"], re.MULTILINE))
    assert sorted(codes() - sections) == []


def test_every_metric_is_in_the_guide() -> None:
    list(modules())
    names = {family.name for family in REGISTRY.collect() if family.name.startswith("fastops_")}
    assert names
    assert sorted(name for name in names if f"`{name}" not in PAGES["metrics.md"]) == []


def test_links_between_pages_lead_somewhere() -> None:
    for name, text in PAGES.items():
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text):
            assert (GUIDE / target).exists(), f"{name} links to {target}"
