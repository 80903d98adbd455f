"""What is remembered of a provider: for how long, and what it takes to ask it again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from adapters.security.oidc.addresses import is_safe
from adapters.security.oidc.discovery import Discovery
from adapters.security.oidc.fetching import Fetcher
from domain.identity.errors import ProviderUnavailable
from tests.fakes_openid import OpenIdStandIn, a_key, openid_stand_in

DOCUMENT = "/.well-known/openid-configuration"


@dataclass
class Remembering:
    """A provider and what a service knows of it, by a clock that stands still."""

    provider: OpenIdStandIn
    discovery: Discovery
    now: float = 0.0


@pytest_asyncio.fixture
async def remembering() -> AsyncIterator[Remembering]:
    fetcher = Fetcher()
    async with openid_stand_in() as provider:
        one = Remembering(provider, None)  # type: ignore[arg-type]
        one.discovery = Discovery(provider.issuer, fetcher, lambda: one.now)
        yield one
        await fetcher.close()


async def test_document_and_keys_are_asked_for_once_an_hour(remembering: Remembering) -> None:
    provider, discovery = remembering.provider, remembering.discovery
    await asyncio.gather(*(discovery.key("k1", "ES256") for _ in range(20)))
    assert provider.asked == [DOCUMENT, "/jwks"]
    remembering.now = 3599
    await discovery.key("k1", "ES256")
    assert len(provider.asked) == 2
    remembering.now = 3600
    assert await discovery.key("k1", "ES256") is not None
    assert provider.asked[2:] == ["/jwks"] or provider.asked[2:] == [DOCUMENT, "/jwks"]


async def test_a_rotated_key_is_found_and_the_old_one_is_forgotten(remembering: Remembering) -> None:
    provider, discovery = remembering.provider, remembering.discovery
    assert await discovery.key("k1", "ES256") is not None
    provider.key = a_key("k2")
    remembering.now = 60
    assert await discovery.key("k2", "ES256") is not None
    assert await discovery.key("k1", "ES256") is None


async def test_unknown_keys_make_nobody_ask_more_than_once_a_minute(remembering: Remembering) -> None:
    provider, discovery = remembering.provider, remembering.discovery
    for second in range(0, 120, 5):
        remembering.now = float(second)
        assert await discovery.key("unknown", "ES256") is None
    assert provider.asked.count("/jwks") == 2


async def test_a_failure_is_told_to_all_for_five_seconds_and_then_forgotten(remembering: Remembering) -> None:
    provider, discovery = remembering.provider, remembering.discovery
    provider.bodies[DOCUMENT] = 503, b""
    for second in (0.0, 2.0, 4.5):
        remembering.now = second
        with pytest.raises(ProviderUnavailable) as refusal:
            await discovery.endpoints()
        assert refusal.value.retry_after == 5.0 - second
    assert len(provider.asked) == 1
    provider.bodies.clear()
    remembering.now = 5.0
    assert (await discovery.endpoints()).token == f"{provider.issuer}/token"


async def test_keys_that_cannot_be_had_leave_known_ones_in_use(remembering: Remembering) -> None:
    provider, discovery = remembering.provider, remembering.discovery
    await discovery.key("k1", "ES256")
    provider.bodies["/jwks"] = 503, b""
    remembering.now = 100
    with pytest.raises(ProviderUnavailable):
        await discovery.key("unknown", "ES256")
    assert await discovery.key("k1", "ES256") is not None


async def test_a_check_wants_keys(remembering: Remembering) -> None:
    await remembering.discovery.check()
    remembering.now, remembering.provider.published = 3600, []
    with pytest.raises(ProviderUnavailable):
        await remembering.discovery.check()


@pytest.mark.parametrize(
    ("url", "safe", "in_clear"),
    [
        ("https://id.example.com/x?y=1", True, True),
        ("https://10.0.0.1:8443/x", True, True),
        ("http://127.0.0.1:8080/x", False, True),
        ("http://[::1]/x", False, True),
        ("http://localhost/x", False, True),
        ("http://id.localhost/x", False, True),
        ("http://127.0.0.1.example.com/x", False, False),
        ("http://169.254.169.254/", False, False),
        ("http://0x7f000001/", False, False),
        ("http://id.example.com/", False, False),
        ("https://user@id.example.com/", False, False),
        ("https://id.example.com/#x", False, False),
        ("https://id.example.com:0/", False, False),
        ("https://id.example.com:99999/", False, False),
        ("https://", False, False),
        ("https://[::1/", False, False),
        ("file:///etc/passwd", False, False),
        ("//id.example.com/", False, False),
        (None, False, False),
        (7, False, False),
    ],
)
def test_only_encrypted_addresses_are_used_and_clear_ones_on_the_own_machine_while_developing(
    url: object, safe: bool, in_clear: bool
) -> None:
    assert (is_safe(url), is_safe(url, in_clear=True)) == (safe, in_clear)
