"""Answers with content: JSON bytes straight from plain dicts, entity tags, and the fields that go with them."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from fastapi import Request
from starlette.responses import Response

from application.shared.unit_of_work import Repeat
from entrypoints.http.conditional import is_known
from entrypoints.http.exchange import exchange_of, root_of

JSON_HEADERS = {"Content-Type": "application/json"}
REVALIDATE = "private, no-cache"


def json_bytes(value: Any) -> bytes:
    """JSON of a schema's dict; times in UTC end in Z, ids are texts. Nothing else is guessed at."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_UTC_Z)


def json_response(value: Any, status: int = 200, *, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json_bytes(value), status, headers={**JSON_HEADERS, **headers} if headers else JSON_HEADERS)


def resource(request: Request, value: Any, tag: str) -> Response:
    """One resource that was read: 304 without content where the client has this state already."""
    headers = {"ETag": tag, "Cache-Control": REVALIDATE}
    if is_known(exchange_of(request).header(b"if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return json_response(value, headers=headers)


def changed(
    value: Any,
    tag: str | None = None,
    *,
    status: int = 200,
    location: str | None = None,
    repeat: Repeat | None = None,
) -> Response:
    """What a verb made of a resource, with its new tag, its place, and the word whether this is a repeated answer."""
    headers: dict[str, str] = {}
    if tag is not None:
        headers["ETag"] = tag
    if location is not None:
        headers["Location"] = location
    if repeat is not None and repeat.replayed:
        headers["Idempotency-Replayed"] = "true"
    return json_response(value, status, headers=headers)


def content_tag(value: Any) -> str:
    """A strong tag of what is shown, for what changes without a version of its own."""
    return f'"{sha256(json_bytes(value)).hexdigest()[:24]}"'


def place(request: Request, *path: str | UUID) -> str:
    """The address of a resource of this service, below wherever it is mounted."""
    return "/".join((root_of(request.scope), "api", "v1", *map(str, path)))


def no_content() -> Response:
    return Response(status_code=204)


def _plain(value: Any) -> Any:
    """What orjson does not know: a database driver's own kind of UUID, read-only mappings and sets."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(type(value).__name__)
