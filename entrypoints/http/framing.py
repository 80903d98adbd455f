"""What the head of a request must be beyond what the parser checks, so that all servers read it alike."""

import re
from collections.abc import Sequence
from typing import Final

Fields = Sequence[tuple[bytes, bytes]]

PORT_MAX: Final = 65535
_AUTHORITY: Final = rb"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{0,5}))?"
_HOST: Final = re.compile(_AUTHORITY)
_ORIGIN_FORM: Final = re.compile(rb"/[^#?\\]*(?:\?[^#]*)?")
_ABSOLUTE_FORM: Final = re.compile(rb"(?i:https?)://([^/?#]*)(/[^#?\\]*)?(\?[^#]*)?")


class Ambiguous(Exception):
    """Two servers could read this request differently, or it is for no server of HTTP/1.1."""


def check_fields(version: str, fields: Fields) -> None:
    """One Host (none is needed in HTTP/1.0), and one way to tell where the content ends. Raises Ambiguous.

    Names are in lower case.
    """
    hosts = lengths = codings = 0
    for name, value in fields:
        if name == b"host":
            hosts += 1
            check_host(value)
        elif name == b"content-length":
            lengths += 1
        elif name == b"transfer-encoding":
            codings += 1
            if value.lower() != b"chunked":
                raise Ambiguous
    if version == "1.1":
        fine = hosts == 1 and lengths + codings <= 1
    else:
        fine = version == "1.0" and hosts <= 1 and lengths <= 1 and not codings
    if not fine:
        raise Ambiguous


def check_host(host: bytes) -> None:
    """A name, an address or a bracketed address, with a port or without. Raises Ambiguous.

    What RFC 3986 takes beyond that (user names, percent signs, marks) no host on the web has.
    """
    match = _HOST.fullmatch(host)
    if match is None or int(match[1] or 0) > PORT_MAX:
        raise Ambiguous


def target_of(method: str, target: bytes) -> tuple[bytes, bytes | None]:
    """Path and query of a request target, and the host that its absolute form names, which then counts alone (§3.2.2).

    `*` is for OPTIONS alone, and tunnels there are none. Raises Ambiguous.
    """
    if method != "CONNECT" and _ORIGIN_FORM.fullmatch(target):
        return target, None
    if method == "OPTIONS" and target == b"*":
        return target, None
    match = _ABSOLUTE_FORM.fullmatch(target)
    if match is None or method == "CONNECT":
        raise Ambiguous
    host, path, query = match.groups(b"")
    check_host(host)
    return (path or b"/") + query, host
