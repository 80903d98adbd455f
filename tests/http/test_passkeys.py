"""Passkeys over HTTP: made in the own account, then used alone, beside the password, and to prove oneself anew."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from joserfc import jws

from tests.authenticator import Authenticator, encoded
from tests.http.service import BASE, PASSWORD, Caller, Service, a_service, memory_settings
from tests.http.test_problems import assert_problem

HOSTILE: list[Mapping[str, Any]] = [
    {},
    {"id": "x", "rawId": "x", "type": "public-key", "response": {}},
    {"id": "x", "rawId": 1, "type": "public-key", "response": []},
    {"id": "eA", "rawId": "eA", "type": "public-key", "response": {"clientDataJSON": "e30"}},
    {"id": "eA", "rawId": "eA", "type": "public-key", "response": {"clientDataJSON": encoded(b"[" * 100_000)}},
    {"id": "é", "rawId": "é", "type": "x", "response": {"clientDataJSON": "é", "userHandle": {}}},
]


async def added(person: Caller, authenticator: Authenticator, name: str = "phone") -> httpx2.Response:
    options = (await person.post("/me/passkeys/options")).json()["options"]
    return await person.post("/me/passkeys", {"name": name, "credential": authenticator.create(options)})


async def options_of(service: Service) -> Any:
    return (await service.anonymous.post("/auth/passkeys/options")).json()["options"]


async def verify(service: Service, credential: Any) -> httpx2.Response:
    return await service.anonymous.post("/auth/passkeys/verify", {"credential": credential})


def methods(answer: httpx2.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return json.loads(jws.extract_compact(answer.json()["access_token"].encode()).payload)["amr"]


async def test_a_passkey_is_made_listed_used_and_removed(stored: Service) -> None:
    person, authenticator = await stored.person("viewer"), Authenticator(BASE)
    made = await added(person, authenticator)
    assert (made.status_code, made.json()["name"]) == (201, "phone")
    assert made.headers["location"] == f"/api/v1/me/passkeys/{made.json()['id']}"
    assert_problem(await added(person, authenticator), 409, "passkey_known")
    answer = await verify(stored, authenticator.get(await options_of(stored)))
    assert answer.headers["cache-control"] == "no-store"
    assert methods(answer) == ["pop", "user", "mfa"]
    caller = Caller(stored.client, {"Authorization": f"Bearer {answer.json()['access_token']}"})
    assert (await caller.get("/me")).json()["email"] == person.email
    await added(person, Authenticator(BASE), "key ring")
    listed = await person.get("/me/passkeys?sort=created_at&limit=1")
    assert [one["name"] for one in listed.json()["items"]] == ["phone"]
    rest = await person.get(f"/me/passkeys?sort=created_at&limit=1&cursor={listed.json()['next_cursor']}")
    assert ([one["name"] for one in rest.json()["items"]], rest.json()["next_cursor"]) == (["key ring"], None)
    assert_problem(await (await stored.person()).delete(made.headers["location"]), 404, "not_found")
    assert (await caller.delete(made.headers["location"])).status_code == 204
    assert_problem(await verify(stored, authenticator.get(await options_of(stored))), 400, "invalid_grant")


async def test_it_is_asked_for_beside_the_password(service: Service) -> None:
    person, authenticator = await service.person("viewer"), Authenticator(BASE)
    await added(person, authenticator)
    form = {"grant_type": "password", "username": person.email, "password": PASSWORD}
    problem = assert_problem(await service.token(**form), 400, "second_factor_required")
    assert (problem["error"], problem["factors"]) == ("invalid_grant", ["passkey", "recovery_code"])
    answer = json.dumps(authenticator.get(problem["passkey_options"]))
    assert methods(await service.token(**form, passkey=answer)) == ["pwd", "pop", "user", "mfa"]
    assert_problem(await service.token(**form, passkey=answer), 400, "invalid_grant")
    for text in ("[]", "{", '{"a": 1, "a": 2}', "null"):
        assert_problem(await service.token(**form, passkey=text), 400, "invalid_request")


async def test_it_proves_its_owner_anew_and_nobody_else(service: Service) -> None:
    person, other, authenticator = await service.person(), await service.person(), Authenticator(BASE)
    await added(person, authenticator)
    proof = {"passkey": authenticator.get(await options_of(service))}
    assert methods(await person.post("/me/reauthentication", proof)) == ["pop", "user", "mfa"]
    assert_problem(await person.post("/me/reauthentication", proof), 400, "invalid_grant")
    proof = {"passkey": authenticator.get(await options_of(service))}
    assert_problem(await other.post("/me/reauthentication", proof), 400, "invalid_grant")
    assert_problem(await other.post("/me/reauthentication", {}), 422, "invalid")


@pytest.mark.parametrize("credential", HOSTILE)
async def test_whatever_comes_as_a_credential_is_refused_and_no_error(
    service: Service, credential: Mapping[str, Any]
) -> None:
    person = await service.person()
    assert "passkey" in assert_problem(await verify(service, credential), 400, "invalid_grant")["detail"]
    assert_problem(await person.post("/me/passkeys", {"name": "x", "credential": credential}), 422, "passkey_refused")


async def test_the_options_are_the_same_for_everybody(service: Service) -> None:
    person = await service.person()
    before = await options_of(service)
    await added(person, Authenticator(BASE))
    after = await options_of(service)
    assert {**before, "challenge": ""} == {**after, "challenge": ""}
    named = await service.anonymous.post("/auth/passkeys/options", {"username": person.email})
    assert_problem(named, 422, "invalid")


async def test_an_administrator_resets_lost_factors(service: Service) -> None:
    admin, person = await service.person("admin"), await service.person("viewer")
    await added(person, Authenticator(BASE))
    assert_problem(await person.post(f"/users/{admin.id}/reset-factors"), 403, "forbidden")
    assert (await admin.post(f"/users/{person.id}/reset-factors")).status_code == 204
    assert (await person.get("/me")).status_code == 401
    await service.signed_in(person.email)
    actions = (await admin.get("/audit-events?action=user.reset_factors")).json()["items"]
    assert {event["actor"]["id"] for event in actions} == {admin.id}


async def test_pages_of_other_origins_may_be_let_in() -> None:
    origins = {"passkey_domain": "example.com", "passkey_origins": ("https://app.example.com",)}
    async with a_service(memory_settings(**origins)) as service:
        person, authenticator = await service.person(), Authenticator("https://app.example.com")
        assert (await added(person, authenticator)).status_code == 201
        assert authenticator.rp_id == "example.com"
        assert methods(await verify(service, authenticator.get(await options_of(service)))) == ["pop", "user", "mfa"]
