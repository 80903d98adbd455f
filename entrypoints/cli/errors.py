"""How refusals end a command: one sentence on stderr and an exit code, from one table."""

import sys

from domain.shared.errors import FastOpsError, Kind
from entrypoints.settings.refusals import WrongSettings

DONE, PARTLY, WRONG_USE, NOT_FOUND, CONFLICT, REFUSED, PART_DOWN, INVALID = range(8)
UNEXPECTED = 70

EXIT_CODES = {
    Kind.MALFORMED: INVALID,
    Kind.UNAUTHENTICATED: REFUSED,
    Kind.FORBIDDEN: REFUSED,
    Kind.NOT_FOUND: NOT_FOUND,
    Kind.CONFLICT: CONFLICT,
    Kind.STALE: CONFLICT,
    Kind.PRECONDITION_REQUIRED: WRONG_USE,
    Kind.INVALID: INVALID,
    Kind.TOO_LARGE: INVALID,
    Kind.UNSUPPORTED_MEDIA: INVALID,
    Kind.RATE_LIMITED: PART_DOWN,
    Kind.UNAVAILABLE: PART_DOWN,
    Kind.STORAGE_FULL: PART_DOWN,
}


def say(text: str) -> None:
    """A line for the person at the terminal; never data."""
    print(text, file=sys.stderr)


def refuse(error: FastOpsError) -> int:
    """Tell what was refused and why; the exit code of its kind."""
    say(f"{error.detail} [{error.code}]")
    for violation in error.violations:
        say(f"  {violation.pointer.lstrip('/') or 'input'}: {violation.detail}")
    return EXIT_CODES[error.kind]


def refuse_settings(error: WrongSettings) -> int:
    """Tell which settings stop the start."""
    for problem in error.problems:
        say(str(problem))
    return WRONG_USE


def explain(error: Exception) -> int:
    """Tell of an error that nobody foresaw: its class, and its place only where the settings ask for it."""
    from loguru import logger

    from adapters.telemetry.logging import is_debugging

    if is_debugging():
        logger.opt(exception=error).error("The command failed.")
    say(f"Something unexpected went wrong: {type(error).__name__}. LOG_LEVEL=DEBUG shows where.")
    return UNEXPECTED
