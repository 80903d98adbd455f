"""What `fastops doctor` says of OpenID providers."""

from collections.abc import Callable
from typing import Any

import pytest

from entrypoints.cli.diagnosis import diagnose
from tests.fakes_openid import OpenIdStandIn, openid_stand_in
from tests.http.sign_on import sign_on_settings

DOCUMENT = "/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("break_it", "state", "said"),
    [
        (lambda p: None, "ok", "sound"),
        (lambda p: p.bodies.update({DOCUMENT: (404, b"")}), "bad", "status 404"),
        (lambda p: p.bodies.update({"/jwks": (200, b"{}")}), "bad", "without members"),
        (lambda p: p.metadata.update({"issuer": "https://canary.example"}), "bad", "its issuer is another one"),
        (lambda p: p.metadata.update({"jwks_uri": "http://canary.example"}), "bad", "must begin with https://"),
        (lambda p: setattr(p, "published", []), "bad", "publishes no key"),
    ],
)
async def test_each_provider_is_asked_and_its_flaw_is_named(
    break_it: Callable[[OpenIdStandIn], Any], state: str, said: str
) -> None:
    async with openid_stand_in() as provider:
        break_it(provider)
        findings = await diagnose(sign_on_settings(provider))
    (found,) = [finding for finding in findings if finding.part == "OpenID provider corp"]
    assert (found.state, said in found.detail) == (state, True), found.detail
    assert "canary" not in found.detail


async def test_a_provider_that_is_not_there_is_bad() -> None:
    findings = await diagnose(sign_on_settings(OpenIdStandIn("http://127.0.0.1:9")))
    assert ("OpenID provider corp", "bad") in [(finding.part, finding.state) for finding in findings]
