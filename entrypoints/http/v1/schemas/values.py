"""Values that many schemas share: ids, times, free metadata, refusals inside a resource, and ids for examples."""

import re
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Path
from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from domain.knowledge.metadata import KEY_MAX as METADATA_KEY_MAX
from domain.shared.values import instant
from entrypoints.http.content import JSON
from entrypoints.http.documented import add_fields

EXAMPLE_ID: Final = "019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70"
OTHER_ID: Final = "019a3c4e-7b55-7f02-8a41-90e2d3c4b5a6"
EXAMPLE_TIME: Final = "2026-01-31T12:00:00.000000Z"

LINE: Final = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f\ufeff][^\x00-\x1f\x7f-\x9f]*$"
"""One line of text: no control characters, and not blanks alone."""
NOT_BLANK: Final = r"[^\s\x1c-\x1f\x85\ufeff]"
"""A text with something in it besides blanks. Named are those that only some engines count among the blanks."""

_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _id(text: object) -> object:
    if isinstance(text, str) and not _ID.fullmatch(text):
        raise PydanticCustomError("uuid_parsing", "no id")
    return text


def _whole(number: object) -> object:
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _time(text: object) -> object:
    if isinstance(text, datetime):
        return text
    try:
        return instant(str(text))
    except ValueError:
        raise PydanticCustomError("datetime_form", "no time") from None


Id = Annotated[UUID, BeforeValidator(_id)]
"""An id as the service gives it; the other spellings of UUIDs are none."""

WHOLE: Final = BeforeValidator(_whole)
"""For a number in either spelling: 1 and 1.0 are the same in JSON. It stands behind the bounds, which it would hide."""

IdInPath = Annotated[UUID, BeforeValidator(_id), Path()]
Time = Annotated[datetime, BeforeValidator(_time), Field(json_schema_extra={"format": "date-time"})]
Metadata = Annotated[
    dict[str, Any],
    Field(
        description="Free members of JSON for filters and for showing: at most 16 KiB, 8 levels deep.",
        json_schema_extra={"propertyNames": {"minLength": 1, "maxLength": METADATA_KEY_MAX}},
    ),
]


class RefusalOut(TypedDict):
    """Why work on a resource failed: a stable code and a sentence."""

    code: str
    detail: str


class PageOut(TypedDict):
    """What every list has besides its items."""

    next_cursor: Annotated[str | None, Field(description="Send it as `cursor` for the next page; null on the last.")]


def texts_only(schema: dict[str, Any]) -> None:
    """Say that the fields of a form are texts or left out: there is no null in forms."""
    for field in schema["properties"].values():
        kinds = [kind for kind in field.pop("anyOf", ()) if kind != {"type": "null"}]
        field.update(*kinds)
        if field.get("default", "") is None:
            del field["default"]


def refusal(code: str | None, detail: str | None) -> RefusalOut | None:
    return None if code is None else {"code": code, "detail": detail or ""}


def shown(example: Any, *headers: str) -> dict[str, Any]:
    """What OpenAPI says of a successful answer: an example and the header fields that it carries."""
    answer: dict[str, Any] = {"content": {JSON: {"example": example}}}
    add_fields(answer, *headers)
    return answer


def page_of(example: Any) -> dict[str, Any]:
    return shown({"items": [example], "next_cursor": None})
