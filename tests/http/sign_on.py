"""Browsers of single sign-on: they keep cookies, and go where they are sent by hand."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2

from application.identity.federation_texts import challenge_of
from entrypoints.settings.settings import Settings
from tests.fakes_openid import CLIENT_ID, CLIENT_SECRET, OpenIdStandIn
from tests.http.service import ADDRESS, BASE, Service, a_service, memory_settings

LOGIN = f"{BASE}/api/v1/auth/oidc/corp/login"
APP = "https://app.example.com/signed-in?state=mine"


def a_provider(issuer: str, **members: Any) -> str:
    """OIDC_PROVIDERS with one provider, `corp`."""
    one = {"name": "corp", "title": "Corp", "issuer": issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return json.dumps([one | members])


def sign_on_settings(provider: OpenIdStandIn, **members: Any) -> Settings:
    """People of corp.example are let in, unless the members say otherwise."""
    usual = {"new_people": "admitted", "default_roles": ["viewer"]}
    return memory_settings(
        oidc_providers=a_provider(provider.issuer, **(usual | members)), cors_origins="https://app.example.com"
    )


@dataclass
class Browser:
    """A browser with its own cookies, and the verifier that its page has kept."""

    client: httpx2.AsyncClient
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    async def to_provider(self, return_to: str | None = None, **parameters: Any) -> str:
        """The address at the provider that a sign-in leads to."""
        if return_to is not None:
            parameters |= {"return_to": return_to, "code_challenge": challenge_of(self.verifier)}
        answer = await self.client.get(LOGIN, params=parameters)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def back(self, url: str) -> httpx2.Response:
        return await self.client.get(url)

    async def redeem(self, code: str, verifier: str | None = None) -> httpx2.Response:
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier or self.verifier}
        return await self.client.post("/api/v1/auth/token", data=form)

    async def me(self, tokens: httpx2.Response) -> dict[str, Any]:
        assert tokens.status_code == 200, tokens.text
        headers = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
        answer = await self.client.get("/api/v1/me", headers=headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@asynccontextmanager
async def a_browser(service: Service) -> AsyncIterator[Browser]:
    transport = httpx2.ASGITransport(app=service.app, raise_app_exceptions=False, client=(ADDRESS, 1234))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        yield Browser(client)


class AheadClock:
    """The time of the machine, and more where a test does not want to wait."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@asynccontextmanager
async def signing_on(
    provider: OpenIdStandIn, clock: AheadClock | None = None, **members: Any
) -> AsyncIterator[tuple[Service, Browser]]:
    """A service in memory that takes people of the provider, and a browser."""
    async with a_service(sign_on_settings(provider, **members), clock) as service, a_browser(service) as browser:
        yield service, browser


def told(answer: httpx2.Response) -> dict[str, str]:
    """What a browser is sent on with."""
    assert answer.status_code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))
