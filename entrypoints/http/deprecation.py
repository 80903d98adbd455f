"""The announced end of an endpoint: told with every answer (RFC 9745, RFC 8594) and in the OpenAPI document."""

from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from typing import Any, Final

from fastapi import Depends, Request
from pydantic import BaseModel

from entrypoints.http.documented import add_answer_header
from entrypoints.http.exchange import exchange_of, root_of

SUNSET: Final = "x-sunset"
"""Where the OpenAPI document names the day from which an operation may be gone."""
NOTICE: Final = timedelta(days=365)
"""The least time between the announcement and the end, as docs/guide/evolution.md promises."""


class Deprecation:
    """An endpoint that is to go. It stands behind the gate in a signature; see `deprecated`."""

    def __init__(self, since: date, sunset: date, instead: str) -> None:
        if sunset - since < NOTICE:
            raise ValueError(f"announce an end {NOTICE.days} days ahead")
        self._since, self._sunset, self._instead = since, sunset, instead
        self._fields = (
            (b"deprecation", b"@%d" % _midnight(since).timestamp()),
            (b"sunset", format_datetime(_midnight(sunset), usegmt=True).encode()),
        )

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        return ()

    async def __call__(self, request: Request) -> None:
        page = f"{root_of(request.scope)}/evolution"
        links = ", ".join(f'<{page}>; rel="{relation}"; type="text/html"' for relation in ("deprecation", "sunset"))
        exchange_of(request).fields += (*self._fields, (b"link", links.encode()))

    def describe(self, operation: dict[str, Any]) -> None:
        operation["deprecated"] = True
        operation[SUNSET] = self._sunset.isoformat()
        told = f"Deprecated since {self._since}, and may be gone from {self._sunset} on. {self._instead}"
        operation["description"] = f"{operation.get('description', '')}\n\n{told}".strip()
        add_answer_header(operation, "Deprecation", "Since when this endpoint is deprecated (RFC 9745).")
        add_answer_header(operation, "Sunset", "From when on it may be gone (RFC 8594).")


def deprecated(since: date, sunset: date, instead: str) -> Any:
    """For a parameter of a route: `_: Annotated[None, deprecated(date(…), date(…), "Use … instead.")]`."""
    return Depends(Deprecation(since, sunset, instead))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
