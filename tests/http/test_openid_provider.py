"""Single sign-on with a real, certified OpenID provider: whole sign-ins in a browser without a screen."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from tests.conftest import needed
from tests.http.service import BASE, Service, a_service, memory_settings
from tests.http.sign_on import APP, Browser, a_browser, a_provider, told
from tests.http.test_problems import assert_problem
from tests.openid_server import OpenIdServer, openid_server

SCOPES = ["openid", "email", "profile", "groups"]


@pytest.fixture(scope="module")
def server() -> Iterator[OpenIdServer]:
    with needed(openid_server(f"{BASE}/api/v1/auth/oidc/corp/callback")) as running:
        yield running


@asynccontextmanager
async def signing_on(
    server: OpenIdServer, **members: Any
) -> AsyncIterator[tuple[Service, Browser, httpx2.AsyncClient]]:
    """A service, a browser there, and the same person's browser at the provider."""
    usual = {"new_people": "admitted", "scopes": SCOPES, "roles_claim": "groups", "roles": {"kb-admins": "admin"}}
    settings = memory_settings(
        oidc_providers=a_provider(server.issuer, **(usual | members)), cors_origins="https://app.example.com"
    )
    async with a_service(settings) as service, a_browser(service) as browser, httpx2.AsyncClient() as person:
        yield service, browser, person


async def test_a_whole_sign_in_from_the_page_and_back_to_it(server: OpenIdServer) -> None:
    async with signing_on(server) as (_, browser, person):
        back = await browser.back(await server.signs_in(person, await browser.to_provider(APP), "root"))
        tokens = await browser.redeem(told(back)["code"])
        me = await browser.me(tokens)
        assert (me["email"], me["name"], me["roles"]) == ("root@corp.example", "Person root", ["admin"])
        refreshed = await browser.client.post(
            "/api/v1/auth/token", data={"grant_type": "refresh_token", "refresh_token": tokens.json()["refresh_token"]}
        )
        assert (await browser.me(refreshed))["id"] == me["id"]


async def test_whoever_is_signed_in_there_needs_no_form_unless_a_recent_sign_in_is_asked_for(
    server: OpenIdServer,
) -> None:
    async with signing_on(server) as (_, browser, person):
        first = await browser.me(await browser.back(await server.signs_in(person, await browser.to_provider())))
        silent = await person.get(await browser.to_provider())
        assert silent.headers["location"].startswith(BASE)
        assert (await browser.me(await browser.back(silent.headers["location"])))["id"] == first["id"]
        asked = await person.get(await browser.to_provider(max_age=0))
        assert not asked.headers["location"].startswith(BASE)
        again = await server.signs_in(person, await browser.to_provider(max_age=0))
        assert (await browser.me(await browser.back(again)))["id"] == first["id"]


async def test_whoever_gives_up_there_is_not_signed_in(server: OpenIdServer) -> None:
    async with signing_on(server) as (_, browser, person):
        url = await server.goes_back(person, await browser.to_provider())
        assert dict(parse_qsl(urlsplit(url).query))["error"] == "access_denied"
        assert_problem(await browser.back(url), 403, "oidc_denied")


async def test_another_code_verifier_or_a_code_that_was_used_is_refused_there(server: OpenIdServer) -> None:
    async with signing_on(server) as (_, browser, person):
        spent = dict(parse_qsl(urlsplit(await server.signs_in(person, await browser.to_provider())).query))
        other = dict(parse_qsl(urlsplit(await server.signs_in(person, await browser.to_provider())).query))
        mixed = {"code": spent["code"], "state": other["state"], "iss": server.issuer}
        answer = await browser.client.get("/api/v1/auth/oidc/corp/callback", params=mixed)
        assert_problem(answer, 403, "oidc_proof_refused")


async def test_a_wrong_secret_is_the_operators_affair(server: OpenIdServer) -> None:
    async with signing_on(server, client_secret="another secret") as (_, browser, person):
        url = await server.signs_in(person, await browser.to_provider())
        assert_problem(await browser.back(url), 503, "oidc_client_refused")


async def test_a_provider_that_ends_on_the_way_is_unavailable() -> None:
    with needed(openid_server(f"{BASE}/api/v1/auth/oidc/corp/callback")) as server:
        async with signing_on(server) as (_, browser, person):
            url = await server.signs_in(person, await browser.to_provider())
            server.end()
            assert_problem(await browser.back(url), 503, "oidc_unavailable")
