"""One request and its answer, as the layers around a route know it. The middleware makes it, the others add to it."""

from dataclasses import dataclass, field
from typing import Final, cast
from urllib.parse import quote

from fastapi import Request
from starlette.types import Scope

from domain.shared.actor import Actor, Origin

_KEY: Final = "fastops.exchange"


@dataclass(slots=True)
class Exchange:
    """What is known of the request so far.

    `headers` has lower-case names; the values of a repeated field are joined by commas (RFC 9110 §5.3), so that a
    repeated `Authorization` or `Content-Type` is no valid one. `members` is what was sent, in canonical form, for
    telling repeats apart. `oauth` asks for the error members of RFC 6749 §5.2 in refusals. `fields` are what the
    answer says besides, whatever it is.
    """

    request_id: str
    client_address: str | None
    headers: dict[bytes, bytes]
    trace_id: str | None = None
    actor: Actor | None = None
    members: bytes = field(default=b"", repr=False)
    oauth: bool = False
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)

    @property
    def origin(self) -> Origin:
        return Origin(self.request_id, self.client_address)

    def header(self, name: bytes) -> str | None:
        """A header field as text; bytes that are not ASCII come out as other characters, never as an error."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


def root_of(scope: Scope) -> str:
    """Where the service is mounted, percent-encoded (RFC 3986 §3.3), for the addresses that it names."""
    return quote(scope.get("root_path", ""), safe="/:@!$&'()*+,;=~")


def attach(scope: Scope, exchange: Exchange) -> None:
    scope[_KEY] = exchange


def exchange_of(request: Request) -> Exchange:
    return cast(Exchange, request.scope[_KEY])
