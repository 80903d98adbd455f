"""The log: one line per happening on stderr, JSON or readable, with a fixed set of fields and without secrets."""

import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

import orjson
from loguru import logger

if TYPE_CHECKING:
    from loguru import Message, Record

FIELDS = frozenset(
    {
        "actor",
        "attempts",
        "bytes",
        "client",
        "code",
        "count",
        "documents",
        "dropped",
        "event",
        "failed",
        "follower",
        "job_id",
        "kind",
        "later",
        "loop",
        "method",
        "ms",
        "operation",
        "pid",
        "position",
        "retry_after",
        "route",
        "seconds",
        "setting",
        "status",
        "trace",
        "version",
    }
)
"""The only fields of `logger.bind` that reach the log; all others are dropped."""

QUIET = {
    "uvicorn.access": logging.CRITICAL,
    **dict.fromkeys(("alembic", "sqlalchemy", "httpx2", "httpcore2"), logging.WARNING),
}
"""Loggers of libraries and their least level. Those of HTTP clients quote whole addresses and header fields, in which
keys and codes may stand."""

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Correlation id of what is being done; every line carries it."""


_written: Callable[[dict[str, Any]], None] | None = None
"""Writes the line of a request; None while it goes the way of all other lines."""


@contextmanager
def correlated(identifier: str) -> Iterator[None]:
    """Have every line inside carry this request id."""
    token = request_id.set(identifier)
    try:
        yield
    finally:
        request_id.reset(token)


def log_request(fields: dict[str, Any]) -> None:
    """The line of one request, with fields of `FIELDS`. In JSON it is written straight, without a record of loguru's,
    which costs more than all other figures of a request together."""
    if _written is None:
        logger.bind(**fields).info("request")
    else:
        _written(fields)


def configure_logging(level: str, form: str, stream: TextIO | None = None) -> None:
    """Log to `stream` (stderr) from `level` up; `form` is json, text, or auto: text on a terminal, else JSON."""
    target = stream or sys.stderr
    render = text_line if form == "text" or (form == "auto" and target.isatty()) else json_line
    with_messages = level == "DEBUG"

    def write(message: "Message") -> None:
        say(render(message.record, with_messages))

    def say(line: str) -> None:
        target.write(line + "\n")
        target.flush()

    def write_request(fields: dict[str, Any]) -> None:
        if is_wanted:
            with suppress(OSError, ValueError):  # nobody's request fails because the log is full or closed
                say(_request_line(fields))

    global _written
    is_wanted = logger.level(level).no <= logger.level("INFO").no
    _written = write_request if render is json_line else None

    logger.remove()
    logger.add(write, level=level, format="{message}", diagnose=False, backtrace=False, catch=True)
    logging.basicConfig(handlers=[_Forward()], level=level, force=True)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(least)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def is_debugging() -> bool:
    """Whether lines of level DEBUG are logged, and with them the messages of errors."""
    return logging.getLogger().isEnabledFor(logging.DEBUG)


def _request_line(fields: dict[str, Any]) -> str:
    """What `json_line` makes of the record of a request."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"time": f"{now[:-6]}Z", "level": "INFO", "message": "request", "request_id": request_id.get(), **fields}
    return orjson.dumps(line, default=str).decode()


def json_line(record: "Record", with_messages: bool = False) -> str:
    """One JSON object: time (RFC 3339, UTC), level, message, request_id, the bound fields, and an error's place."""
    line = {
        "time": record["time"].astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record["level"].name,
        "message": record["message"],
        **_fields(record),
        **_error(record, with_messages),
    }
    return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def text_line(record: "Record", with_messages: bool = False) -> str:
    """A line for people: local time, level, message, then `field=value`."""
    said = record["message"].replace("\n", "\\n")
    fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
    error = _error(record, with_messages)
    place = "".join(f"\n  {frame}" for frame in error.get("stack", ()))
    named = " ".join(str(error[name]) for name in ("error", "error_message") if name in error)
    return f"{record['time']:%H:%M:%S.%f}"[:-3] + f" {record['level'].name:<7} {said}{fields} {named}".rstrip() + place


def _fields(record: "Record") -> dict[str, Any]:
    fields: dict[str, Any] = {name: value for name, value in record["extra"].items() if name in FIELDS}
    identifier = request_id.get()
    return {"request_id": identifier, **fields} if identifier else fields


def _error(record: "Record", with_messages: bool) -> dict[str, Any]:
    """An exception as its class and where it came from. Its message may quote input, so it needs LOG_LEVEL=DEBUG."""
    exception = record["exception"]
    if exception is None or exception.value is None:
        return {}
    frames = traceback.extract_tb(exception.traceback)
    error: dict[str, Any] = {
        "error": type(exception.value).__name__,
        "stack": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if with_messages:
        error["error_message"] = str(exception.value)
    return error


class _Forward(logging.Handler):
    """Passes what libraries log through the standard module on to the one log."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        logger.opt(exception=record.exc_info).log(level, "{}", record.getMessage())
