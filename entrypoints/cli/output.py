"""What commands print: data on stdout, as JSON where asked, as a table on a terminal, else as tab-separated lines."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def require_free(file: Path, option: str) -> None:
    """Refuse to write where a file is already, or where there is no folder for it (wrong use of `option`)."""
    from domain.shared.errors import AlreadyExists

    if file.exists():
        raise AlreadyExists("file_exists", f"There is a file {file} already; name another one.")
    if not file.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {file.parent}: make it, or name another one", param_hint=option)


def print_json(data: object) -> None:
    """One JSON document; dataclasses, ids and times in the forms of the HTTP API."""
    import orjson

    form = orjson.OPT_UTC_Z | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_INDENT_2
    sys.stdout.write(orjson.dumps(data, default=_plain, option=form).decode() + "\n")


def print_record(record: Mapping[str, Any]) -> None:
    """The members of one thing, a line each."""
    width = max(map(len, record), default=0)
    for name, value in record.items():
        sys.stdout.write(f"{name:<{width}}  {_shown(value)}\n")


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Rows of one sort under their column names."""
    if not sys.stdout.isatty():
        for row in [dict(zip(columns, columns, strict=True)), *rows]:
            sys.stdout.write("\t".join(_shown(row[column]) for column in columns) + "\n")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(row[column])) for column in columns))
    Console().print(table)


def members(view: object, names: Sequence[str]) -> dict[str, Any]:
    """Some attributes of a view, by name."""
    return {name: getattr(view, name) for name in names}


def printable(text: str) -> str:
    """Text from documents or people without the control characters that steer a terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)


def _shown(value: object) -> str:
    from domain.shared.entity import plain

    value = plain(value)
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return " ".join(printable(str(value)).split())


def _plain(value: object) -> object:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
