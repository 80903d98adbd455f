"""Who sends a request: the peer of the connection, or whom trusted proxies name (X-Forwarded-*, or RFC 7239).

Values are read from the right, where the nearest proxy has written; what a client has put in front counts for nothing.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from starlette.types import Scope

from entrypoints.settings.edge import UNIX

Address = IPv4Address | IPv6Address

TELLING: Final = frozenset(
    {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip"}
)
"""Fields by which a proxy can be told from a client of its own, whether it is trusted or not."""
SCHEMES: Final = frozenset({"http", "https"})
_NODE = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\w+)?|([0-9.]+)(?::\w+)?|([0-9A-Fa-f:.]+)")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+?)\.?(?::\d*)?")


@dataclass(frozen=True, slots=True)
class Sender:
    """Where a request comes from. `host` is the name it was sent to, in small letters and without a port.

    `address` is None where nobody knows it: then no rule that asks for an address may let the request through.
    """

    address: str | None
    scheme: str
    host: str
    forwarded: bool


class Proxies:
    """The peers that are believed, and the fields in which they tell: `x-forwarded` or `forwarded`."""

    def __init__(self, trusted: Iterable[str] = (), fields: str = "x-forwarded") -> None:
        named = frozenset(trusted)
        self._unix = UNIX in named
        self._networks = [ip_network(network) for network in named - {UNIX}]
        self._told = _x_forwarded if fields == "x-forwarded" else _forwarded

    def sender(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Sender:
        """Who sent this; fields of peers that are not trusted change nothing."""
        client = scope.get("client")
        peer = client[0] if client else None
        scheme = scope.get("scheme", "http")
        sender = _as_it_shows(peer, scheme, headers.get(b"host", b""))
        if not (self._unix if peer is None else self._networks and self._trusts(_address(peer))):
            return sender
        nodes, schemes, hosts = self._told(headers)
        if not (nodes or schemes or hosts):
            return sender
        found, hops = self._walk(nodes)
        told = _at(schemes, hops).lower()
        return Sender(
            address=found,
            scheme=told if told in SCHEMES else scheme,
            host=host_name(_at(hosts, hops)) or sender.host,
            forwarded=True,
        )

    def _walk(self, nodes: list[str]) -> tuple[str | None, int]:
        """The first address from the right that is no trusted proxy's, else the last; and how many steps it is away.

        None without a value, and for one that is no address: a proxy's own is never taken for its client's.
        """
        found = None
        for hops, text in enumerate(reversed(nodes), start=1):
            match = _NODE.fullmatch(text)
            address = _address(match[1] or match[2] or match[3]) if match else None
            if address is None:
                return None, hops
            found = str(address)
            if not self._trusts(address):
                return found, hops
        return found, len(nodes)

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)


@lru_cache(maxsize=1024)
def _as_it_shows(peer: str | None, scheme: str, host: bytes) -> Sender:
    address = _address(peer or "")
    return Sender(str(address) if address else peer, scheme, host_name(host.decode("latin-1")), forwarded=False)


def host_name(field: str) -> str:
    """The name in a Host field, without port, brackets and the dot of the root; empty where it is none."""
    match = _HOST.fullmatch(field.strip())
    return match[1].strip("[]").lower() if match else ""


def is_loopback(address: str | None) -> bool:
    found = _address(address or "")
    return found is not None and found.is_loopback


def _address(text: str) -> Address | None:
    """IPv4 addresses that a socket for both families shows as IPv6 come out as what they are."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _at(values: list[str], hops: int) -> str:
    """The value that belongs to a step; a field which only the first proxy sets has fewer values than steps."""
    return values[-min(max(hops, 1), len(values))] if values else ""


def _x_forwarded(headers: Mapping[bytes, bytes]) -> tuple[list[str], list[str], list[str]]:
    names = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host")
    nodes, schemes, hosts = (_items(headers.get(name)) for name in names)
    return nodes, schemes, hosts


def _forwarded(headers: Mapping[bytes, bytes]) -> tuple[list[str], list[str], list[str]]:
    """No value that counts here holds a comma or semicolon, so a quote left open in front cannot swallow the rest."""
    steps: list[dict[str, str]] = []
    for element in _items(headers.get(b"forwarded")):
        pairs = (pair.partition("=") for pair in element.split(";"))
        steps.append({name.strip().lower(): value.strip().strip('"') for name, _, value in pairs})
    nodes, schemes, hosts = ([step.get(name, "") for step in steps] for name in ("for", "proto", "host"))
    return nodes, schemes, hosts


def _items(field: bytes | None) -> list[str]:
    return [] if field is None else [item.strip() for item in field.decode("latin-1").split(",")]
