"""What stands between clients and the service: proxies, https, host names, browsers of other origins, the API pages."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from entrypoints.settings.areas import Area, setting

ANY_ORIGIN = "*"
UNIX = "unix"
"""Stands in TRUSTED_PROXIES for peers on a Unix socket, which have no address."""
DEFAULT_PORTS = {"http": 80, "https": 443}


def _split(value: Any) -> Any:
    return [item for part in value.split(",") if (item := part.strip())] if isinstance(value, str) else value


def _each(normal: Callable[[str], str]) -> AfterValidator:
    return AfterValidator(lambda items: tuple(dict.fromkeys(normal(item) for item in items)))


def _network(text: str) -> str:
    return UNIX if text.lower() == UNIX else str(ip_network(text))


def host_name(text: str) -> str:
    name = text.lower().strip("[]")
    if not name.replace(".", "").replace("-", "").isalnum() or not name.isascii():
        name = str(ip_address(name))
    return name


def web_origin(text: str) -> str:
    """As browsers write it (RFC 6454 §6.2): small letters, no default port, nothing behind."""
    if text == ANY_ORIGIN:
        return text
    parts = urlsplit(text)
    beside = parts.path or parts.query or parts.fragment or parts.username
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or beside:
        raise ValueError("no origin")
    host = host_name(parts.hostname)
    port = "" if parts.port in {None, DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


Listed = tuple[str, ...]
Networks = Annotated[Listed, NoDecode, _each(_network), BeforeValidator(_split)]
Hosts = Annotated[Listed, NoDecode, _each(host_name), BeforeValidator(_split)]
Origins = Annotated[Listed, NoDecode, _each(web_origin), BeforeValidator(_split)]


class EdgeSettings(Area):
    """What stands between clients and the service."""

    trusted_proxies: Networks = setting(
        (),
        "addresses and networks (10.0.0.0/8), separated by commas; `unix` for a Unix socket",
        "Proxies that are believed what they say of client, scheme and host. Unset: nobody is.",
    )
    proxy_fields: Literal["x-forwarded", "forwarded"] = setting(
        "x-forwarded",
        "x-forwarded or forwarded",
        "What these proxies set: X-Forwarded-For, -Proto and -Host, or Forwarded (RFC 7239). The others count for "
        "nothing, because proxies hand on what they do not know.",
    )
    https_only: Literal["auto", "on", "off"] = setting(
        "auto",
        "auto, on or off",
        "Whether plain http is sent on to https or refused; auto: in production. Off is for TLS that ends at "
        "something that cannot tell the service.",
    )
    allowed_hosts: Hosts = setting(
        (),
        "host names, separated by commas",
        "Names that the service answers to beside the one in PUBLIC_URL. Unset: in production no other one, "
        "elsewhere any.",
    )
    cors_origins: Origins = setting(
        (),
        "origins such as https://app.example.com, separated by commas; * outside production",
        "Web pages of these origins may call the API with a token or key.",
    )
    api_docs: Literal["auto", "on", "off"] = setting(
        "auto",
        "auto, on or off",
        "Whether /docs, /redoc and /openapi.json are there; auto: everywhere but in production.",
    )
