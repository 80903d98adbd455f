"""The codes that were met in this process: of problems, and of the entries of their `errors`."""

import json
import re

PROBLEMS: set[str] = set()
VIOLATIONS: set[str] = set()


def note(content: bytes) -> None:
    """What a service in another process answered."""
    if b'"code"' in content and content.startswith(b"{"):
        try:
            told = json.loads(content)
        except ValueError:
            return
        if {"code", "request_id"} <= told.keys():
            PROBLEMS.add(told["code"])
            VIOLATIONS.update(item["code"] for item in told.get("errors", ()))


def note_lines(text: str) -> None:
    """What a command said on stderr: each refusal ends with its code in brackets."""
    PROBLEMS.update(re.findall(r"\[([a-z0-9_]+)\]$", text, re.MULTILINE))
