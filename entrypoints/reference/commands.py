"""The page on commands."""

from collections.abc import Iterator
from enum import Enum
from typing import Any

import typer

from entrypoints.cli.main import app

HEAD = """# Commands

`fastops` acts as the operating system's user and is audited as `system:<user>`; it works beside a running service
and without one, on the database that the [settings](settings.md) name. Data goes to stdout, as JSON with `--json`
where a command has data; everything else goes to stderr. Progress is shown on a terminal only. Secrets come from
stdin or a prompt, never from an argument.

| Exit code | Means |
|---|---|
| 0 | done |
| 1 | done in part: some documents failed |
| 2 | wrong use: an option, an argument or a setting |
| 3 | not found |
| 4 | conflict with what is there |
| 5 | refused: the right is missing |
| 6 | a needed part is down, or the database or its schema is not what it has to be |
| 7 | invalid data |
| 70 | a defect; `LOG_LEVEL=DEBUG` shows where |
| 130 | stopped by Ctrl-C |

Only `serve`, `db upgrade` and `model fetch` make a data directory; other commands say where they looked.

This page is made from the code by `make docs`.
"""


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join([HEAD, *(_section(name, command) for name, command in commands())])


def commands() -> Iterator[tuple[str, Any]]:
    """Every command by its full name (`user create`), in the order of the names."""
    yield from _below(typer.main.get_command(app), "")


def _below(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child in sorted(children):
        yield from _below(children[child], f"{name} {child}".strip())


def _section(name: str, command: Any) -> str:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option" and param.name != "help"]
    usage = " ".join(["fastops", name, *(_argument(param) for param in arguments)])
    lines = [f"## {name}", "", f"    {usage}{' [OPTIONS]' if options else ''}", "", _text(command.help), ""]
    lines += [f"- `{_argument(param)}`: {param.help}" for param in arguments if getattr(param, "help", None)]
    lines += [f"- `{_option(param)}`: {param.help}{_default(param)}" for param in options]
    return "\n".join([*lines, ""]) if arguments or options else "\n".join(lines)


def _argument(param: Any) -> str:
    text = param.name.upper() + ("..." if param.nargs == -1 else "")
    return text if param.required else f"[{text}]"


def _option(param: Any) -> str:
    if param.is_flag:
        return str(param.opts[0])
    values = "|".join(member.value for member in type(param.default)) if isinstance(param.default, Enum) else ""
    return f"{param.opts[0]} {values or param.name.upper()}"


def _default(param: Any) -> str:
    if param.required:
        return " Required."
    return "" if param.is_flag or param.default in (None, "") else f" Unset: {_value(param.default)}."


def _value(value: Any) -> str:
    return str(value.value if isinstance(value, Enum) else value)


def _text(text: str | None) -> str:
    return " ".join((text or "").split())
