"""`fastops doctor`: what works, what does not, and what to do about it."""

import sys
from typing import TYPE_CHECKING

from entrypoints.cli.errors import PART_DOWN
from entrypoints.cli.output import JsonFlag, print_json, print_rows

if TYPE_CHECKING:
    from entrypoints.cli.diagnosis import Finding

MARKS = {"ok": "ok", "note": "note", "bad": "BAD"}


def doctor(as_json: JsonFlag = False) -> None:
    """Look at settings, data, database, keys, models and limits. Exit code 6 if something needed does not work."""
    import asyncio

    from adapters.telemetry.logging import configure_logging
    from entrypoints.cli.diagnosis import diagnose
    from entrypoints.settings.settings import load_settings

    settings = load_settings()
    configure_logging("ERROR", settings.service.log_format)
    findings = asyncio.run(diagnose(settings))
    if as_json:
        print_json(findings)
    else:
        print_rows([_row(finding) for finding in findings], ["part", "state", "detail"])
    if any(finding.state == "bad" for finding in findings):
        sys.exit(PART_DOWN)


def _row(finding: "Finding") -> dict[str, str]:
    return {"part": finding.part, "state": MARKS[finding.state], "detail": finding.detail}
