"""What must not be imported before it is needed: a command that fails at once must not cost a second, a start two."""

import os
import subprocess
import sys
from pathlib import Path

HEAVY = ("numpy", "fastapi", "sqlalchemy", "alembic", "onnxruntime", "pydantic", "dependency_injector", "uvicorn")
OPTIONAL = (
    *("alembic", "mako", "sqlalchemy.orm", "sqlalchemy.dialects.postgresql", "asyncpg", "aiomysql"),
    *("webauthn", "OpenSSL", "httpx2", "redis", "celery", "aiosmtplib", "onnx", "pypdf", "lxml"),
)
"""What only some installations use, some requests, or a change of the schema."""
SECOND_START = """
import asyncio
import sys
from entrypoints.cli.server import DrainingServer
from entrypoints.settings.settings import load_settings
from entrypoints.wiring.container import build_container
import entrypoints.wiring.first_start
from entrypoints.wiring.lifecycle import running

async def start():
    container = build_container(load_settings(None))
    server = DrainingServer(container)
    async with running(container):
        server.config.app.build_middleware_stack()
        assert set((await container.operations.health().ready()).values()) == {"up"}
        print(*sys.modules)

asyncio.run(start())
"""


def imported_by(code: str, **settings: str) -> set[str]:
    """The modules that a fresh interpreter prints at the end of `code`."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | settings)
    return set(done.stdout.split())


def packages_after(statement: str) -> set[str]:
    return {name.partition(".")[0] for name in imported_by(f"{statement}; import sys; print(*sys.modules)")}


def test_the_command_line_loads_nothing_heavy() -> None:
    assert not packages_after("import entrypoints.cli.main") & set(HEAVY)


def test_the_domain_loads_nothing_foreign() -> None:
    modules = "domain.identity.users, domain.knowledge.documents, domain.operations.jobs, domain.audit.chain"
    assert not packages_after(f"import {modules}") & {*HEAVY, "loguru", "typer"}


def test_a_start_loads_nothing_that_only_some_installations_use(tmp_path: Path) -> None:
    place = {"DATA_DIR": str(tmp_path), "LOG_LEVEL": "ERROR"}
    migrate = [sys.executable, "-m", "entrypoints.cli.main", "db", "upgrade"]
    subprocess.run(migrate, capture_output=True, check=True, env=os.environ | place)
    loaded = imported_by(SECOND_START, **place)
    assert "sqlalchemy" in loaded
    assert not loaded & set(OPTIONAL)


def test_what_a_start_has_loaded_is_not_walked_by_the_garbage_collector() -> None:
    code = (
        "import gc; from entrypoints.wiring.process import begin_loading, end_loading; begin_loading();"
        " import entrypoints.http.app; walked = len(gc.get_objects()); end_loading();"
        " print('collects' if gc.isenabled() else '', 'spared' if len(gc.get_objects()) < walked / 100 else '')"
    )
    assert imported_by(code) == {"collects", "spared"}
