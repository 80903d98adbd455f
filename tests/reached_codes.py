"""Which codes the tests reach: a run of the whole suite fails where the product can give a code that no test met.

An error counts where the product makes it, a problem of HTTP alone where it is told, and what a service or a command
in a process of its own tells where the test reads it (`tests/noted_codes.py`).
"""

import os
import sys
from collections.abc import Iterator
from functools import wraps
from types import FrameType
from typing import Any

import pytest

from domain.operations.jobs import Job
from domain.shared.errors import FastOpsError, Violation
from entrypoints.http.problems import Problem
from tests.codes import HTTP_CODES, ROOT, UNREACHABLE, problem_codes, violation_codes
from tests.noted_codes import PROBLEMS, VIOLATIONS

PRODUCT = tuple(f"{ROOT}/{layer}/" for layer in ("domain", "application", "adapters", "entrypoints"))
DESCRIBES = f"{ROOT}/entrypoints/http/documented.py"
"""Makes errors only to write about them."""


class ReachedCodes:
    """Collects in every process of a run, and judges in the first one."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._deselected = False
        self._missing: list[str] = []
        _listen()

    def pytest_deselected(self) -> None:
        self._deselected = True

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        problems, violations, deselected = getattr(node, "workeroutput", {}).get("codes", ((), (), True))
        PROBLEMS.update(problems)
        VIOLATIONS.update(violations)
        self._deselected |= deselected

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput["codes"] = (sorted(PROBLEMS), sorted(VIOLATIONS), self._deselected)
        elif exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED} and self._was_all(session):
            self._missing = list(_missed())
            if self._missing:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._missing:
            terminalreporter.section("codes that no test reached", red=True)
            for line in self._missing:
                terminalreporter.write_line(line)

    def _was_all(self, session: pytest.Session) -> bool:
        """Whether every test ran: none was chosen, left out for a missing server, or cut off by a failure."""
        chosen = self._config.args_source is not pytest.Config.ArgsSource.TESTPATHS or self._deselected
        stopped = bool(session.shouldstop or session.shouldfail) or session.testscollected == 0
        return os.environ.get("CI") == "true" and not (chosen or stopped or self._config.option.collectonly)


def _missed() -> Iterator[str]:
    """Each code that was not reached, and a place that gives it; an exception that has become needless too."""
    for code in sorted(problem_codes().keys() - PROBLEMS - UNREACHABLE.keys()):
        yield f"{code}: {min(problem_codes()[code].places)}"
    for code, place in sorted(violation_codes().items()):
        if code not in VIOLATIONS:
            yield f"{code} in errors: {place}"
    for code in sorted(UNREACHABLE.keys() & PROBLEMS):
        yield f"{code}: was reached, so take it out of UNREACHABLE"


def _listen() -> None:
    """Have errors, violations, problems of HTTP and failed jobs note their codes."""

    def noting(kind: type, name: str, into: set[str]) -> None:
        original = getattr(kind, name)

        @wraps(original)
        def noted(self: Any, *args: Any, **more: Any) -> None:
            original(self, *args, **more)
            if self.code not in into and _is_from_the_product(sys._getframe(1)):
                into.add(self.code)
                VIOLATIONS.update(violation.code for violation in getattr(self, "violations", ()))

        setattr(kind, name, noted)

    noting(FastOpsError, "__init__", PROBLEMS)
    noting(Violation, "__init__", VIOLATIONS)
    members, fail = Problem.members, Job.fail

    @wraps(members)
    def told(self: Problem, *args: Any) -> dict[str, Any]:
        if self.code in HTTP_CODES:
            PROBLEMS.add(self.code)
        return members(self, *args)

    @wraps(fail)
    def failed(self: Job, code: str, *args: Any) -> None:
        PROBLEMS.add(code)
        fail(self, code, *args)

    Problem.members, Job.fail = told, failed  # type: ignore[method-assign]


def _is_from_the_product(frame: FrameType | None) -> bool:
    """Whether a function of the product makes it; what a module makes when it is loaded is an example."""
    while frame is not None and frame.f_code.co_name in {"__init__", "noted"}:
        frame = frame.f_back
    if frame is None:
        return False
    code = frame.f_code
    return code.co_name != "<module>" and code.co_filename.startswith(PRODUCT) and code.co_filename != DESCRIBES
