"""The log: one line per happening, a fixed set of fields, nothing else."""

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from loguru import logger

from adapters.telemetry.logging import configure_logging, correlated, log_request

SECRET = "correct horse battery"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    yield io.StringIO()
    logger.remove()
    logging.basicConfig(handlers=[logging.NullHandler()], level="WARNING", force=True)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail_with(secret: str) -> None:
    raise ValueError(f"bad input {secret}")


def test_only_listed_fields_are_written(stream: io.StringIO) -> None:
    configure_logging("INFO", "json", stream)
    logger.bind(status=200, password=SECRET, body={"token": SECRET}).info("request")
    (line,) = lines(stream)
    assert line["status"] == 200
    assert set(line) == {"time", "level", "message", "status"}
    assert SECRET not in stream.getvalue()


def test_lines_carry_the_request_id(stream: io.StringIO) -> None:
    configure_logging("INFO", "json", stream)
    with correlated("req-1"):
        logger.info("inside")
    logger.info("outside")
    assert [line.get("request_id") for line in lines(stream)] == ["req-1", None]


def test_the_line_of_a_request_looks_like_all_others(stream: io.StringIO) -> None:
    configure_logging("INFO", "json", stream)
    fields = {"event": "request", "method": "GET", "status": 200, "ms": 1.5, "actor": None}
    with correlated("req-1"):
        log_request(fields)
        logger.bind(**fields).info("request")
    straight, usual = lines(stream)
    assert list(straight) == list(usual)
    assert re.sub(r"\d", "0", straight.pop("time")) == re.sub(r"\d", "0", usual.pop("time"))
    assert straight == usual


@pytest.mark.parametrize(
    ("level", "form", "shown"), [("DEBUG", "json", 1), ("WARNING", "json", 0), ("INFO", "text", 1)]
)
def test_requests_are_logged_from_the_level_on_that_is_set(
    stream: io.StringIO, level: str, form: str, shown: int
) -> None:
    configure_logging(level, form, stream)
    log_request({"event": "request", "status": 200})
    assert len(stream.getvalue().splitlines()) == shown


def test_a_log_that_cannot_be_written_fails_nobody(stream: io.StringIO) -> None:
    configure_logging("INFO", "json", stream)
    stream.close()
    log_request({"event": "request"})


@pytest.mark.parametrize("form", ["json", "text"])
def test_an_error_shows_its_place_and_not_its_message(stream: io.StringIO, form: str) -> None:
    configure_logging("INFO", form, stream)
    try:
        fail_with(SECRET)
    except ValueError:
        logger.exception("it failed")
    assert "ValueError" in stream.getvalue()
    assert "fail_with" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_debugging_shows_messages_of_errors_too(stream: io.StringIO) -> None:
    configure_logging("DEBUG", "json", stream)
    try:
        fail_with("the reason")
    except ValueError:
        logger.exception("it failed")
    assert "the reason" in lines(stream)[0]["error_message"]


def test_libraries_write_into_the_same_log(stream: io.StringIO) -> None:
    configure_logging("INFO", "json", stream)
    logging.getLogger("uvicorn.error").info("Started %s {not a field}", "server")
    logging.getLogger("uvicorn.access").info("GET /?token=%s", SECRET)
    assert [line["message"] for line in lines(stream)] == ["Started server {not a field}"]


def test_a_line_stays_one_line(stream: io.StringIO) -> None:
    configure_logging("INFO", "text", stream)
    logger.info("first\nsecond {}", "third\nfourth")
    assert stream.getvalue().count("\n") == 1
