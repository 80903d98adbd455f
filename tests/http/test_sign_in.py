"""The token endpoint of OAuth 2: its grants, its refusals, and tokens that end when they should."""

import asyncio
from collections import Counter
from typing import Any

import httpx2
import pytest

from adapters.limits.sign_in import USUAL
from tests.http.service import BASE, PASSWORD, Service, a_service, memory_settings
from tests.http.test_problems import assert_problem


def assert_oauth_problem(answer: httpx2.Response, status: int, code: str, error: str) -> None:
    problem = assert_problem(answer, status, code)
    assert problem["error"] == error
    assert problem["error_description"] == problem["detail"]
    assert answer.headers["cache-control"] == "no-store"


async def test_email_and_password_give_tokens_that_are_never_stored_by_caches(stored: Service) -> None:
    person = await stored.person("viewer")
    answer = await stored.token(grant_type="password", username=person.email.upper(), password=PASSWORD)
    assert answer.status_code == 200
    tokens = answer.json()
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 300)
    assert "search" in tokens["scope"].split()
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    me = await stored.anonymous.get("/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert me.json()["id"] == person.id


async def test_a_refresh_token_works_once_and_its_reuse_ends_the_session(stored: Service) -> None:
    person = await stored.person("viewer")
    second = (await stored.token(grant_type="refresh_token", refresh_token=person.refresh_token)).json()
    assert second["refresh_token"] != person.refresh_token
    reuse = await stored.token(grant_type="refresh_token", refresh_token=person.refresh_token)
    assert_oauth_problem(reuse, 400, "invalid_grant", "invalid_grant")
    after = await stored.token(grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert_oauth_problem(after, 400, "invalid_grant", "invalid_grant")
    assert (await person.get("/me")).status_code == 401


async def test_a_wrong_password_and_an_unknown_address_look_the_same(stored: Service) -> None:
    person, gone = await stored.person("viewer"), await stored.person("viewer")
    await (await stored.person("admin")).post(f"/users/{gone.id}/disable")
    answers = [
        await stored.token(grant_type="password", username=username, password=password)
        for username, password in (
            (person.email, "canary-3f9a of the wrong kind"),
            ("nobody@example.com", PASSWORD),
            (gone.email, PASSWORD),
            ("no address", PASSWORD),
        )
    ]
    for answer in answers:
        assert_oauth_problem(answer, 400, "invalid_grant", "invalid_grant")
    assert len({answer.json()["detail"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("content", "status", "code", "error"),
    [
        (b"", 400, "invalid_request", "invalid_request"),
        (b"grant_type=", 400, "invalid_request", "invalid_request"),
        (b"grant_type=password", 400, "invalid_request", "invalid_request"),
        (b"grant_type=password&username=a&username=b&password=c", 400, "invalid_request", "invalid_request"),
        (b"grant_type=password&username=%ff&password=c", 400, "invalid_request", "invalid_request"),
        (b"grant_type=password&username=a%00&password=c", 400, "invalid_request", "invalid_request"),
        (b"grant_type=refresh_token", 400, "invalid_request", "invalid_request"),
        (b"grant_type=refresh_token&refresh_token=canary-3f9a", 400, "invalid_grant", "invalid_grant"),
        (b"grant_type=client_credentials", 400, "unsupported_grant_type", "unsupported_grant_type"),
        (b"grant_type=canary-3f9a", 400, "unsupported_grant_type", "unsupported_grant_type"),
        (b"grant_type=password&password=" + b"a" * 70_000, 413, "too_large", "invalid_request"),
    ],
)
async def test_refusals_have_the_members_of_oauth(
    service: Service, content: bytes, status: int, code: str, error: str
) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await service.client.post("/api/v1/auth/token", content=content, headers=headers)
    assert_oauth_problem(answer, status, code, error)


async def test_a_json_body_is_refused_and_unknown_parameters_are_ignored(service: Service) -> None:
    answer = await service.client.post("/api/v1/auth/token", json={"grant_type": "password"})
    assert_oauth_problem(answer, 415, "unsupported_media_type", "invalid_request")
    person = await service.person()
    form = {"grant_type": "password", "username": person.email, "password": PASSWORD, "client_id": "x", "scope": ""}
    assert (await service.token(**form)).status_code == 200


async def test_revoking_is_always_fine_and_ends_the_session(stored: Service) -> None:
    person = await stored.person("viewer")
    for token in ("unknown", person.refresh_token, person.refresh_token):
        answer = await stored.client.post("/api/v1/auth/revoke", data={"token": token, "token_type_hint": "x"})
        assert (answer.status_code, answer.json()) == (200, {})
    assert (await person.get("/me")).status_code == 401
    other = await stored.signed_in(person.email)
    access_token = other.headers["Authorization"].removeprefix("Bearer ")
    await stored.client.post("/api/v1/auth/revoke", data={"token": access_token})
    assert (await other.get("/me")).status_code == 401
    missing = await stored.client.post("/api/v1/auth/revoke", data={"x": "y"})
    assert_oauth_problem(missing, 400, "invalid_request", "invalid_request")


async def test_clients_find_keys_and_endpoints_by_themselves(service: Service) -> None:
    metadata = (await service.client.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["issuer"] == BASE
    assert metadata["token_endpoint"] == f"{BASE}/api/v1/auth/token"
    assert metadata["grant_types_supported"] == ["password", "refresh_token"]
    keys = (await service.client.get(metadata["jwks_uri"])).json()["keys"]
    assert keys
    assert all(key["crv"] == "Ed25519" and "d" not in key for key in keys)


TRICKS: list[Any] = ["", ".", "..", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "fo_", "fo_019a_x", "é", "\x7f", "a" * 5000]


@pytest.mark.parametrize("token", TRICKS, ids=range(len(TRICKS)))
async def test_no_credential_brings_the_service_down(service: Service, token: str) -> None:
    for header in (("Authorization", f"Bearer {token}"), ("X-API-Key", token)):
        answer = await service.client.get("/api/v1/me", headers=[(header[0].encode(), header[1].encode("latin-1"))])
        assert answer.status_code == 401
    refused = await service.client.post(
        "/api/v1/auth/token", data={"grant_type": "refresh_token", "refresh_token": token}
    )
    assert refused.status_code == 400


async def test_attempts_at_once_all_count_and_shut_out_nobody_elsewhere() -> None:
    async with a_service(memory_settings(rate_limits="on")) as service:
        person = await service.person()
        wrong = {"grant_type": "password", "username": person.email, "password": "a wrong horse that reads"}
        answers = await asyncio.gather(*(service.token(**wrong) for _ in range(50)))
        codes = Counter(answer.json()["code"] for answer in answers)
        assert codes["sign_in_limited"] == 50 - USUAL.pair.units, codes
        assert {answer.status_code for answer in answers} <= {400, 429, 503}
        right = {**wrong, "password": PASSWORD}
        assert (await service.token(**right)).json()["code"] == "sign_in_limited"
        async with service.at("198.51.100.7") as elsewhere:
            assert (await elsewhere.post("/api/v1/auth/token", data=right)).status_code == 200


async def test_many_right_passwords_at_once_all_work() -> None:
    async with a_service(memory_settings(rate_limits="on")) as service:
        person = await service.person()
        right = {"grant_type": "password", "username": person.email, "password": PASSWORD}
        answers = await asyncio.gather(*(service.token(**right) for _ in range(20)))
        assert [answer.status_code for answer in answers] == [200] * 20
