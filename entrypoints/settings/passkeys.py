"""Settings of passkeys (WebAuthn), and what follows from them: the relying party and the pages that speak for it."""

from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from entrypoints.settings.areas import Area, setting
from entrypoints.settings.edge import Origins, host_name, web_origin

LOCALHOST = "localhost"


class PasskeySettings(Area):
    """Where passkeys may be used."""

    passkey_domain: Annotated[str, AfterValidator(host_name)] | None = setting(
        None,
        "a domain that the hosts of PUBLIC_URL and PASSKEY_ORIGINS end with",
        "The domain that passkeys belong to (WebAuthn's RP ID); passkeys made for another are lost when it changes. "
        "Unset: the host of PUBLIC_URL.",
    )
    passkey_origins: Origins = setting(
        (),
        "origins such as https://app.example.com, separated by commas",
        "Further origins whose pages may ask for passkeys, beside PUBLIC_URL.",
    )


def relying_party(public_url: str, settings: PasskeySettings) -> tuple[str, tuple[str, ...]]:
    """The RP ID and the origins. Browsers take no IP addresses, so `localhost` stands for this machine's own."""
    parts = urlsplit(public_url)
    host = parts.hostname or LOCALHOST
    if _is_loopback(host):
        host = LOCALHOST
    port = f":{parts.port}" if parts.port is not None else ""
    own = web_origin(f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}")
    return settings.passkey_domain or host, (own, *settings.passkey_origins)


def fits_domain(public_url: str, settings: PasskeySettings) -> bool:
    """Whether browsers will let all of these origins use the domain."""
    domain, origins = relying_party(public_url, settings)
    hosts = [urlsplit(origin).hostname or "" for origin in origins]
    return all(host == domain or host.endswith(f".{domain}") for host in hosts)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
