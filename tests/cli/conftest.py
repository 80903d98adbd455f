"""The command line as people run it: in processes of its own, each test with a data directory of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.noted_codes import note_lines

COMMAND = (sys.executable, "-m", "entrypoints.cli.main")
ROOT = Path(__file__).parents[2]
TIMEOUT = 120


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


@dataclass
class Terminal:
    """Runs commands with the same settings and nothing else in the environment."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    launcher: Sequence[str] = ()

    def command(self, *arguments: str) -> list[str]:
        """How a command is started; by way of the launcher where there is one."""
        return [*self.launcher, *COMMAND, *arguments]

    @property
    def data_dir(self) -> Path:
        return self.folder / "var"

    def env(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
        settings = {"MODEL_DIR": str(ROOT / "var" / "models")}
        return kept | settings | self.environment | more

    def run(self, *arguments: str, stdin: str = "", **more: str) -> Ended:
        done = subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.env(**more),
            timeout=TIMEOUT,
        )
        assert "Traceback" not in done.stderr, done.stderr
        note_lines(done.stderr)
        return Ended(done.returncode, done.stdout, done.stderr)

    def done(self, *arguments: str, stdin: str = "", **more: str) -> Ended:
        ended = self.run(*arguments, stdin=stdin, **more)
        assert ended.code == 0, ended.err
        return ended


@pytest.fixture
def bare(tmp_path: Path) -> Terminal:
    """No data directory yet."""
    return Terminal(tmp_path)


@pytest.fixture(scope="session")
def installed_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    terminal = Terminal(tmp_path_factory.mktemp("installed"))
    terminal.done("db", "upgrade")
    return terminal.data_dir


@pytest.fixture
def terminal(tmp_path: Path, installed_template: Path) -> Terminal:
    """A migrated, empty installation."""
    terminal = Terminal(tmp_path)
    shutil.copytree(installed_template, terminal.data_dir)
    return terminal
