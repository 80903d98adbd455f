"""Network addresses of clients, as far as counting needs to tell them apart."""

import ipaddress

IPV6_SUBSCRIBER_BITS = 64
"""Prefix length that one subscriber is usually given; a finer count would let each of them have 2**64 tries."""

UNKNOWN = "unknown"


def subscriber(address: str | None) -> str:
    """Whom an address belongs to: IPv4 as it is, IPv6 by its /64, and `unknown` for what is no address."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return UNKNOWN
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, IPV6_SUBSCRIBER_BITS), strict=False))
