"""Values that many schemas share: ids, times, free metadata, refusals inside a resource, and ids for examples."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Path
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

EXAMPLE_ID: Final = "019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70"
OTHER_ID: Final = "019a3c4e-7b55-7f02-8a41-90e2d3c4b5a6"
EXAMPLE_TIME: Final = "2026-01-31T12:00:00.000000Z"

_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _id(text: object) -> object:
    if isinstance(text, str) and not _ID.fullmatch(text):
        raise PydanticCustomError("uuid_parsing", "no id")
    return text


def _time(text: object) -> object:
    """RFC 3339, told in UTC. Times without an offset are nobody's time, so they are refused."""
    if isinstance(text, datetime):
        return text
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise PydanticCustomError("datetime_form", "no time")
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper())).astimezone(UTC)
    except (ValueError, OverflowError):
        raise PydanticCustomError("datetime_form", "no time") from None


Id = Annotated[UUID, BeforeValidator(_id)]
"""An id as the service gives it; the other spellings of UUIDs are none."""

IdInPath = Annotated[UUID, BeforeValidator(_id), Path()]
Time = Annotated[datetime, BeforeValidator(_time), Field(json_schema_extra={"format": "date-time"})]
Metadata = Annotated[dict[str, Any], Field(description="Free members of JSON, for filters and for showing.")]


class RefusalOut(TypedDict):
    """Why work on a resource failed: a stable code and a sentence."""

    code: str
    detail: str


class PageOut(TypedDict):
    """What every list has besides its items."""

    next_cursor: Annotated[str | None, Field(description="Send it as `cursor` for the next page; null on the last.")]


def refusal(code: str | None, detail: str | None) -> RefusalOut | None:
    return None if code is None else {"code": code, "detail": detail or ""}


def shown(example: Any, *headers: str) -> dict[str, Any]:
    """What OpenAPI says of a successful answer: an example and the header fields that it carries."""
    content = {"content": {"application/json": {"example": example}}}
    fields = {name: {"description": HEADERS[name], "schema": {"type": "string"}} for name in headers}
    return {**content, "headers": fields} if fields else content


def page_of(example: Any) -> dict[str, Any]:
    return shown({"items": [example], "next_cursor": None})


HEADERS: Final = {
    "ETag": "The state that is shown; send it as If-Match to change exactly this state.",
    "Location": "Where the resource is.",
}
