"""Which addresses of a provider may be used: encrypted ones, and clear ones on the own machine while developing."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_safe(url: object, *, in_clear: bool = False) -> bool:
    """Whether this may be fetched or sent to a browser: https; with `in_clear` also http on the own machine."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or parts.fragment or not port_is_fine:
        return False
    return parts.scheme == "https" or (in_clear and parts.scheme == "http" and is_loopback(parts.hostname))


def is_loopback(host: str) -> bool:
    """Whether a host name or address is the own machine's by its form; no resolver is asked."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
