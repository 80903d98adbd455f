"""The wiring: every provider resolves in every profile, and everything that a route asks for is there."""

import base64
import re
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from dependency_injector.providers import Container as Area
from dependency_injector.providers import DependenciesContainer, Provider

from entrypoints.settings.settings import Settings, load_settings
from entrypoints.wiring.container import build_container

ROOT = Path(__file__).parents[2]
KEY = base64.b64encode(bytes(range(32))).decode()
LANGUAGE = {"language_model_url": "http://127.0.0.1:9/v1", "language_model": "any"}
PROFILES: dict[str, dict[str, Any]] = {
    "memory": {"database_url": "memory://"},
    "sqlite": {"master_key": KEY},
    "postgresql": {"database_url": "postgresql://fastops@127.0.0.1:9/fastops", "master_key": KEY},
    "mariadb": {"database_url": "mysql://fastops@127.0.0.1:9/fastops", "master_key": KEY},
    "memory vectors": {"database_url": "memory://", "vector_store": "memory"},
    "groq": {"database_url": "memory://", "groq_api_key": "x"},
    "language model": {"database_url": "memory://", **LANGUAGE},
    "embeddings elsewhere": {
        "database_url": "memory://",
        "embedding_url": "http://127.0.0.1:9/v1",
        "embedding_model": "any",
        "embedding_dimension": 384,
    },
    "no rate limits": {"database_url": "memory://", "rate_limits": "off"},
    "redis": {"database_url": "memory://", "redis_url": "redis://127.0.0.1:9/0"},
}

SQL_ONLY = frozenset({"persistence.database", "persistence.sql_principals", "persistence.sql_rights_epoch"})
REDIS_ONLY = frozenset({"limits.counts"})
MAY_BE_NONE = frozenset({"retrieval.snapshot_folder"})


def providers(container: Any, path: str = "") -> Iterator[tuple[str, Provider[Any]]]:
    for name, provider in container.providers.items():
        if isinstance(provider, Area):
            yield from providers(provider, f"{path}{name}.")
        elif not isinstance(provider, DependenciesContainer):
            yield f"{path}{name}", provider


@pytest.fixture(params=PROFILES)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    return load_settings(env_file=None, data_dir=tmp_path, **PROFILES[request.param])


async def test_every_provider_resolves_in_every_profile(settings: Settings) -> None:
    container = build_container(settings)
    without = SQL_ONLY if settings.store == "memory" else frozenset()
    without |= REDIS_ONLY if settings.data.redis_url is None else frozenset()
    found = {path: provider for path, provider in providers(container) if path not in without}
    assert len(found) > 50
    for path, provider in found.items():
        assert provider() is not None or path in MAY_BE_NONE, path
    await container.retrieval.extractor().close()
    if settings.store != "memory":
        await container.persistence.database().close()


def test_containers_share_nothing() -> None:
    settings = load_settings(env_file=None, database_url="memory://")
    first, second = build_container(settings), build_container(settings)
    assert first.persistence.store() is not second.persistence.store()
    assert first.identity.users() is first.identity.users()


@pytest.mark.parametrize("path", sorted((ROOT / "entrypoints").rglob("*.py")), ids=lambda path: path.name)
def test_what_routes_and_commands_ask_for_is_provided(path: Path) -> None:
    container = build_container(load_settings(env_file=None, database_url="memory://"))
    text = path.read_text("utf-8")
    asked = re.findall(r'(?:provided|resolver)\("([\w.]+)"\)', text) + re.findall(r"container\.(\w+\.\w+)\(\)", text)
    for name in asked:
        assert callable(attrgetter(name)(container)), name


def test_the_root_container_stays_small() -> None:
    file = ROOT / "entrypoints" / "wiring" / "container.py"
    assert len(file.read_text("utf-8").splitlines()) < 80


def test_nothing_is_injected_by_decorators() -> None:
    for path in sorted((ROOT / "entrypoints").rglob("*.py")):
        text = path.read_text("utf-8")
        assert not re.search(r"@inject\b|Provide\[|\.wire\(|dependency_injector\.wiring", text), path
