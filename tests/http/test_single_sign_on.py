"""Single sign-on with an honest provider: who gets in, as whom, with which roles, and how the client gets tokens."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from tests.fakes_openid import GONE, OpenIdStandIn, openid_stand_in
from tests.http.service import BASE, SYSTEM, Service
from tests.http.sign_on import APP, LOGIN, AheadClock, Browser, a_browser, signing_on, told
from tests.http.test_problems import assert_problem


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[OpenIdStandIn]:
    async with openid_stand_in() as running:
        yield running


async def signed_on(browser: Browser, provider: OpenIdStandIn) -> dict[str, Any]:
    """The account of somebody who signs in without a page to return to."""
    return await browser.me(await browser.back(provider.signs_in(await browser.to_provider())))


async def test_providers_are_listed_with_what_a_page_needs(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (service, _):
        answer = await service.client.get("/api/v1/auth/oidc")
        assert answer.json() == {
            "items": [{"name": "corp", "title": "Corp", "login_url": LOGIN}],
            "next_cursor": None,
        }
        assert provider.asked == []


async def test_a_page_trades_its_code_for_tokens_once_and_with_its_verifier(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (_, browser):
        answer = await browser.back(provider.signs_in(await browser.to_provider(APP)))
        assert answer.headers["location"].startswith("https://app.example.com/signed-in?state=mine&code=")
        code = told(answer)["code"]
        assert told(answer)["iss"] == BASE
        assert (await browser.redeem(code, "x" * 43)).json()["code"] == "invalid_grant"
        me = await browser.me(await browser.redeem(code))
        assert (me["email"], me["name"], me["roles"]) == ("ada@corp.example", "Ada King", ["viewer"])
        assert me["email_verified"] is True
        again = assert_problem(await browser.redeem(code), 400, "invalid_grant")
        assert again["error"] == "invalid_grant"
        assert "code_verifier" in again["detail"]


async def test_of_many_uses_of_one_code_one_wins(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (_, browser):
        code = told(await browser.back(provider.signs_in(await browser.to_provider(APP))))["code"]
        answers = await asyncio.gather(*(browser.redeem(code) for _ in range(10)))
        assert sorted(answer.status_code for answer in answers) == [200, *[400] * 9]


async def test_a_program_without_a_page_gets_the_tokens_at_once(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (_, browser):
        answer = await browser.back(provider.signs_in(await browser.to_provider()))
        assert answer.headers["cache-control"] == "no-store"
        me = await browser.me(answer)
        assert (await signed_on(browser, provider))["id"] == me["id"]
        sessions = await browser.client.get(
            "/api/v1/me/sessions", headers={"Authorization": f"Bearer {answer.json()['access_token']}"}
        )
        assert [session["amr"] for session in sessions.json()["items"]] == [["fed"], ["fed"]]


async def test_an_attempt_lasts_ten_minutes_and_a_code_one(provider: OpenIdStandIn) -> None:
    clock = AheadClock()
    async with signing_on(provider, clock) as (_, browser):
        url, other = [provider.signs_in(await browser.to_provider(APP)) for _ in range(2)]
        codes = [told(await browser.back(provider.signs_in(await browser.to_provider(APP))))["code"] for _ in range(2)]
        clock.ahead = timedelta(seconds=50)
        assert (await browser.redeem(codes[0])).status_code == 200
        clock.ahead = timedelta(seconds=61)
        assert_problem(await browser.redeem(codes[1]), 400, "invalid_grant")
        clock.ahead = timedelta(seconds=590)
        assert "error" in told(await browser.back(url)), "the token of the provider has expired by now"
        clock.ahead = timedelta(seconds=601)
        assert_problem(await browser.back(other), 400, "oidc_state_invalid")


@pytest.mark.parametrize("missing", ["code", "code_verifier"])
async def test_a_code_needs_its_verifier_in_the_form(provider: OpenIdStandIn, missing: str) -> None:
    form = {"grant_type": "authorization_code", "code": "x", "code_verifier": "y" * 43}
    async with signing_on(provider) as (service, _):
        answer = await service.token(**{name: value for name, value in form.items() if name != missing})
        assert assert_problem(answer, 400, "invalid_request")["error"] == "invalid_request"


async def test_the_cookie_is_short_lived_and_out_of_reach_of_scripts(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (_, browser):
        answer = await browser.client.get(LOGIN)
        cookie = answer.headers["set-cookie"]
        assert {"HttpOnly", "Max-Age=600", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
        await browser.back(provider.signs_in(answer.headers["location"]))
        assert dict(browser.client.cookies) == {}


async def test_two_tabs_do_not_disturb_each_other_and_a_browser_keeps_few_attempts(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (_, browser):
        first, second = await browser.to_provider(), await browser.to_provider()
        for url in (first, second):
            assert (await browser.back(provider.signs_in(url))).status_code == 200
        for _ in range(12):
            last = await browser.to_provider()
            assert len(browser.client.cookies) <= 4
        assert (await browser.back(provider.signs_in(last))).status_code == 200


@pytest.mark.parametrize(
    ("members", "claims"),
    [
        ({"new_people": "refused"}, {}),
        ({}, {"email_verified": False}),
        ({}, {"email_verified": GONE}),
        ({}, {"email": GONE}),
        ({}, {"email": "no address"}),
        ({"email_domains": ["corp.example"]}, {"email": "ada@corp.example.evil.example"}),
        ({"email_domains": ["corp.example"]}, {"email": "ada@corp.example", "email_verified": False}),
    ],
)
async def test_who_may_not_come_in_is_told_so_and_leaves_nothing(
    provider: OpenIdStandIn, members: dict[str, Any], claims: dict[str, Any]
) -> None:
    provider.claims = claims
    async with signing_on(provider, **members) as (service, browser):
        answer = await browser.back(provider.signs_in(await browser.to_provider()))
        assert_problem(answer, 403, "oidc_account_unknown")
        assert service.container.persistence.in_memory().tables["users"] == {}
        refused = told(await browser.back(provider.signs_in(await browser.to_provider(APP))))
        assert (refused["error"], refused["iss"]) == ("access_denied", BASE)
        assert refused["error_uri"] == f"{BASE}/problems/oidc_account_unknown"


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("here", [True, False])
@pytest.mark.parametrize("there", [True, False])
async def test_an_account_is_linked_only_where_both_sides_have_verified_the_address(
    provider: OpenIdStandIn, trusted: bool, here: bool, there: bool
) -> None:
    provider.claims = {"email": "Ada@Corp.Example", "email_verified": there}
    async with signing_on(provider, linked_domains=["corp.example"] if trusted else []) as (service, browser):
        users = service.container.identity.users()
        known = await users.create(SYSTEM, name="Ada", email="ada@corp.example")
        service.container.persistence.in_memory().tables["users"][known.id]["email_verified"] = here
        answer = await browser.back(provider.signs_in(await browser.to_provider()))
        if trusted and here and there:
            assert (await browser.me(answer))["id"] == str(known.id)
        else:
            assert_problem(answer, 403, "oidc_account_unknown")


async def test_a_provider_that_says_nothing_of_addresses_may_be_believed(provider: OpenIdStandIn) -> None:
    provider.claims = {"email_verified": GONE}
    async with signing_on(provider, email_verified="always") as (_, browser):
        assert (await signed_on(browser, provider))["email"] == "ada@corp.example"


async def test_another_address_or_name_there_changes_nothing_here(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (_, browser):
        before = await signed_on(browser, provider)
        provider.claims = {"email": "admin@example.com", "name": "Somebody Else"}
        assert await signed_on(browser, provider) == before


async def test_claims_missing_in_the_token_come_from_the_userinfo_endpoint(provider: OpenIdStandIn) -> None:
    provider.claims = {"email": GONE, "email_verified": GONE, "name": GONE}
    provider.userinfo = {"email": "ada@corp.example", "email_verified": True, "groups": ["kb-editors"]}
    async with signing_on(provider, roles_claim="groups", roles={"kb-editors": "editor"}) as (_, browser):
        me = await signed_on(browser, provider)
        assert (me["name"], me["roles"]) == ("ada@corp.example", ["editor", "viewer"])


async def test_mapped_roles_come_and_go_with_each_sign_in_and_others_stay(provider: OpenIdStandIn) -> None:
    roles = {"kb-admins": "admin", "kb-editors": "editor", "ghosts": "no-such-role"}
    async with signing_on(provider, roles_claim="realm.roles", roles=roles) as (service, browser):
        provider.claims = {"realm": {"roles": ["kb-editors", "ghosts", "unknown", 7]}}
        me = await signed_on(browser, provider)
        assert me["roles"] == ["editor", "viewer"]
        provider.claims = {"realm": {"roles": []}}
        assert (await signed_on(browser, provider))["roles"] == ["viewer"]
        provider.claims = {"realm": {"roles": "kb-admins"}}
        assert (await signed_on(browser, provider))["roles"] == ["admin", "viewer"]
        provider.claims = {}
        assert (await signed_on(browser, provider))["roles"] == ["admin", "viewer"], "nobody else is administrator"
        await service.person("admin")
        assert (await signed_on(browser, provider))["roles"] == ["viewer"]


async def test_a_disabled_person_is_refused_and_a_code_is_worth_nothing_then(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (service, browser):
        me = await signed_on(browser, provider)
        code = told(await browser.back(provider.signs_in(await browser.to_provider(APP))))["code"]
        await service.container.identity.users().disable(SYSTEM, UUID(me["id"]))
        assert_problem(await browser.redeem(code), 400, "invalid_grant")
        answer = await browser.back(provider.signs_in(await browser.to_provider()))
        assert_problem(answer, 403, "account_disabled")


async def test_a_recent_sign_in_can_be_asked_for_and_is_checked(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (_, browser):
        url = await browser.to_provider(max_age=600)
        assert "max_age=600" in url
        assert_problem(await browser.back(provider.signs_in(url)), 403, "oidc_proof_refused")
        provider.claims = {"auth_time": 1_000_000_000, "amr": ["pwd", "mfa"]}
        refused = await browser.back(provider.signs_in(await browser.to_provider(max_age=600)))
        assert_problem(refused, 403, "oidc_proof_refused")
        long_ago = await browser.back(provider.signs_in(await browser.to_provider()))
        headers = {"Authorization": f"Bearer {long_ago.json()['access_token']}"}
        session = (await browser.client.get("/api/v1/me/sessions", headers=headers)).json()["items"][0]
        assert (session["authenticated_at"], session["amr"]) == ("2001-09-09T01:46:40Z", ["fed", "mfa"])
        change = await browser.client.patch("/api/v1/me", json={"email": "x@corp.example"}, headers=headers)
        assert_problem(change, 401, "reauthentication_required")


@pytest.mark.parametrize(
    "return_to",
    [
        "https://evil.example/",
        "https://app.example.com.evil.example/",
        "https://app.example.com@evil.example/",
        "https://app.example.com:443@evil.example/",
        "https://app.example.com\\@evil.example/",
        "https://app.example.com#fragment",
        "https://app.example.com/#fragment",
        "http://app.example.com/",
        "//app.example.com/",
        "/signed-in",
        "javascript:alert(1)",
        "https://app.example.com/ü",
        "https://app.example.com/" + "a" * 1000,
        "",
    ],
)
async def test_codes_are_sent_to_allowed_origins_only(provider: OpenIdStandIn, return_to: str) -> None:
    async with signing_on(provider) as (_, browser):
        answer = await browser.client.get(LOGIN, params={"return_to": return_to, "code_challenge": "a" * 43})
        problem = assert_problem(answer, 422, "invalid")
        assert [error["pointer"] for error in problem["errors"]] == ["return_to"]
        for fine in (f"{BASE}/app", BASE, "https://app.example.com?x=1"):
            answer = await browser.client.get(LOGIN, params={"return_to": fine, "code_challenge": "a" * 43})
            assert answer.status_code == 303


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({"return_to": APP}, "code_challenge"),
        ({"return_to": APP, "code_challenge": "short"}, "code_challenge"),
        ({"code_challenge": "a" * 43}, "code_challenge"),
        ({"link": "true"}, "return_to"),
        ({"link": "yes"}, "link"),
        ({"max_age": "-1"}, "max_age"),
        ({"prompt": "none"}, "query"),
    ],
)
async def test_a_sign_in_that_could_not_end_is_not_begun(
    provider: OpenIdStandIn, parameters: dict[str, str], pointer: str
) -> None:
    async with signing_on(provider) as (_, browser):
        problem = assert_problem(await browser.client.get(LOGIN, params=parameters), 422, "invalid")
        assert [error["pointer"] for error in problem["errors"]] == [pointer]


async def test_a_provider_that_is_not_configured_is_not_there(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (_, browser):
        for end in ("login", "callback?code=x&state=y"):
            assert_problem(await browser.client.get(f"/api/v1/auth/oidc/other/{end}"), 404, "not_found")


async def test_each_step_is_in_the_trail(provider: OpenIdStandIn) -> None:
    provider.claims = {"groups": ["kb-editors"]}
    async with signing_on(provider, roles_claim="groups", roles={"kb-editors": "editor"}) as (service, browser):
        me = await signed_on(browser, provider)
        entries = service.container.persistence.in_memory().entries
        told_of = [
            (e.columns["operation"], e.columns["actor_id"], e.columns["target_type"])
            for e in entries
            if e.columns["target_type"] != "signing_key"  # made at the start
        ]
        assert sorted(told_of[:2]) == [("identity.sign_in", "system:oidc", kind) for kind in ("identity", "user")]
        assert told_of[2:] == [("session.start", me["id"], "session")]
        assert all('"subject":"ada"' not in entry.body for entry in entries)


async def test_two_browsers_of_a_new_person_at_once_make_one_account(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (service, one), a_browser(service) as other:
        urls = [(browser, provider.signs_in(await browser.to_provider())) for browser in (one, other)]
        answers = await asyncio.gather(*(browser.back(url) for browser, url in urls))
        assert [answer.status_code for answer in answers] == [200, 200]
        assert len(service.container.persistence.in_memory().tables["users"]) == 1


async def linking(service: Service, browser: Browser, provider: OpenIdStandIn) -> str:
    """The code of a sign-in that is to be linked."""
    return told(await browser.back(provider.signs_in(await browser.to_provider(APP, link="true"))))["code"]


async def test_a_person_links_an_identity_and_signs_in_by_it(provider: OpenIdStandIn) -> None:
    async with signing_on(provider, new_people="refused") as (service, browser):
        person = await service.person("viewer")
        code = await linking(service, browser, provider)
        assert_problem(await browser.redeem(code), 400, "invalid_grant")
        content = {"code": await linking(service, browser, provider), "code_verifier": browser.verifier}
        headers = {"Idempotency-Key": "once"}
        linked = await person.post("/me/identities", content, headers=headers)
        assert linked.status_code == 201, linked.text
        assert (linked.json()["provider"], linked.json()["subject"]) == ("corp", "ada")
        again = await person.post("/me/identities", content, headers=headers)
        assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
        assert (await signed_on(browser, provider))["id"] == person.id
        assert (await person.get(linked.headers["location"])).json() == linked.json()
        other = await service.person("viewer")
        content = {"code": await linking(service, browser, provider), "code_verifier": browser.verifier}
        assert_problem(await other.post("/me/identities", content), 409, "identity_taken")
        assert_problem(await other.delete(f"/me/identities/{linked.json()['id']}"), 404, "not_found")
        assert (await person.delete(f"/me/identities/{linked.json()['id']}")).status_code == 204
        answer = await browser.back(provider.signs_in(await browser.to_provider()))
        assert_problem(answer, 403, "oidc_account_unknown")


async def test_a_code_for_tokens_links_nothing(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (service, browser):
        person = await service.person("viewer")
        code = told(await browser.back(provider.signs_in(await browser.to_provider(APP))))["code"]
        answer = await person.post("/me/identities", {"code": code, "code_verifier": browser.verifier})
        assert "code_verifier" in assert_problem(answer, 400, "invalid_grant")["detail"]


async def test_the_last_way_in_cannot_be_unlinked(provider: OpenIdStandIn) -> None:
    async with signing_on(provider) as (_, browser):
        tokens = await browser.back(provider.signs_in(await browser.to_provider()))
        headers = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
        (one,) = (await browser.client.get("/api/v1/me/identities", headers=headers)).json()["items"]
        answer = await browser.client.delete(f"/api/v1/me/identities/{one['id']}", headers=headers)
        assert_problem(answer, 409, "identity_needed")
