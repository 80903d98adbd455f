"""Which domain passkeys belong to, and whose pages may ask for them."""

import pytest

from entrypoints.settings.passkeys import PasskeySettings, relying_party
from entrypoints.settings.refusals import WrongSettings
from entrypoints.settings.settings import load_settings


@pytest.mark.parametrize(
    ("public_url", "domain", "origin"),
    [
        ("https://kb.example.com", "kb.example.com", "https://kb.example.com"),
        ("https://KB.example.com:443/service", "kb.example.com", "https://kb.example.com"),
        ("http://127.0.0.1:8000", "localhost", "http://localhost:8000"),
        ("http://localhost:8000", "localhost", "http://localhost:8000"),
        ("http://[::1]:8000", "localhost", "http://localhost:8000"),
    ],
)
def test_they_follow_from_the_public_address(public_url: str, domain: str, origin: str) -> None:
    assert relying_party(public_url, PasskeySettings(_env_file=None)) == (domain, (origin,))  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("domain", "origins"),
    [
        ("example.org", ()),
        ("kb.example.com", ("https://app.example.com",)),
        ("ample.com", ()),
        (None, ("https://x.y",)),
    ],
)
def test_a_domain_that_browsers_would_refuse_stops_the_start(domain: str | None, origins: tuple[str, ...]) -> None:
    given = {"public_url": "https://kb.example.com", "passkey_domain": domain, "passkey_origins": origins}
    with pytest.raises(WrongSettings, match="PASSKEY_DOMAIN"):
        load_settings(None, database_url="memory://", **given)
