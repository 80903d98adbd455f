"""Documentation held against the code: what is not written down does not pass."""

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from domain.shared.actor import Permission
from entrypoints.reference.commands import commands
from entrypoints.reference.main import PAGES as GENERATED
from entrypoints.settings.settings import areas
from tests.codes import modules

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide"
PAGES = {path.name: path.read_text("utf-8") for path in GUIDE.glob("*.md")}
EVERYTHING = "\n".join(PAGES.values())


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


def test_every_metric_is_in_the_guide() -> None:
    modules()
    names = {family.name for family in REGISTRY.collect() if family.name.startswith("fastops_")}
    assert names
    assert sorted(name for name in names if f"`{name}" not in PAGES["metrics.md"]) == []


def test_links_between_pages_lead_somewhere() -> None:
    for name, text in PAGES.items():
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text):
            assert (GUIDE / target).exists(), f"{name} links to {target}"
