"""What must not be imported before it is needed: a command that fails at once must not cost a second."""

import subprocess
import sys

HEAVY = ("numpy", "fastapi", "sqlalchemy", "alembic", "onnxruntime", "pydantic", "dependency_injector", "uvicorn")


def imported_by(statement: str) -> set[str]:
    """Top-level packages that a fresh interpreter has loaded after `statement`."""
    code = f"{statement}; import sys; print(*sorted(name.partition('.')[0] for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_command_line_loads_nothing_heavy() -> None:
    assert not imported_by("import entrypoints.cli.main") & set(HEAVY)


def test_the_domain_loads_nothing_foreign() -> None:
    modules = "domain.identity.users, domain.knowledge.documents, domain.operations.jobs, domain.audit.chain"
    assert not imported_by(f"import {modules}") & {*HEAVY, "loguru", "typer"}
