"""Introspection says of a token what holds at this moment, and only to those who may ask."""

from tests.authenticator import Authenticator
from tests.http.service import BASE, Caller, Service
from tests.http.test_problems import assert_problem

PATH = "/api/v1/auth/introspect"


async def a_service_that_asks(stored: Service) -> Caller:
    return await stored.key_of(await stored.person("admin"), "tokens:introspect")


async def asked(asker: Caller, token: str) -> dict[str, object]:
    answer = await asker.client.post(PATH, data={"token": token}, headers=asker.headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told: dict[str, object] = answer.json()
    return told


async def test_tokens_of_all_kinds_are_told_while_they_hold(stored: Service) -> None:
    asker, person = await a_service_that_asks(stored), await stored.person("viewer")
    access = person.headers["Authorization"].removeprefix("Bearer ")
    told = await asked(asker, access)
    assert told["active"] is True
    assert (told["sub"], told["username"], told["token_kind"]) == (person.id, person.email, "access_token")
    assert "search" in str(told["scope"]).split()
    assert (await asked(asker, person.refresh_token))["token_kind"] == "refresh_token"
    key = await stored.key_of(person, "search")
    told = await asked(asker, key.headers["X-API-Key"])
    assert (told["token_kind"], told["scope"], "exp" in told) == ("api_key", "search", False)
    renewed = (await stored.token(grant_type="refresh_token", refresh_token=person.refresh_token)).json()
    assert await asked(asker, person.refresh_token) == {"active": False}
    assert (await asked(asker, renewed["refresh_token"]))["active"] is True
    admin = await stored.person("admin")
    await admin.delete(f"/users/{person.id}/roles/viewer")
    assert (await asked(asker, access))["scope"] == ""
    await admin.post(f"/users/{person.id}/disable")
    for token in (access, renewed["refresh_token"], key.headers["X-API-Key"]):
        assert await asked(asker, token) == {"active": False}


async def test_the_sign_in_behind_a_token_is_told_as_it_was_when_it_was_made(stored: Service) -> None:
    asker, person = await a_service_that_asks(stored), await stored.person("viewer")
    access = person.headers["Authorization"].removeprefix("Bearer ")
    before = await asked(asker, access)
    assert (before["amr"], before["acr"]) == (["pwd"], "aal1")
    key = Authenticator(BASE)
    made = key.create((await person.post("/me/passkeys/options")).json()["options"])
    assert (await person.post("/me/passkeys", {"name": "phone", "credential": made})).status_code == 201
    options = (await stored.anonymous.post("/auth/passkeys/options")).json()["options"]
    proven = await person.post("/me/reauthentication", {"passkey": key.get(options)})
    renewed = await asked(asker, proven.json()["access_token"])
    for told in (renewed, await asked(asker, person.refresh_token)):
        assert (told["amr"], told["acr"]) == (["pop", "user", "mfa"], "aal2")
        assert told["auth_time"] == renewed["auth_time"]
    assert await asked(asker, access) == before
    assert isinstance(renewed["auth_time"], int)
    assert isinstance(before["auth_time"], int)
    assert renewed["auth_time"] >= before["auth_time"]
    told = await asked(asker, (await stored.key_of(await stored.person("viewer"))).headers["X-API-Key"])
    assert not told.keys() & {"auth_time", "amr", "acr"}


async def test_what_is_no_token_is_not_active(service: Service) -> None:
    asker = await a_service_that_asks(service)
    for token in ("x", "fo_x_y", "rt_x", "a.b.c", "ä" * 100, "fo_" + "0" * 32 + "_" + "a" * 60):
        assert await asked(asker, token) == {"active": False}
    refused = await service.client.post(PATH, data={"token_type_hint": "x"}, headers=asker.headers)
    assert_problem(refused, 400, "invalid_request")


async def test_only_those_with_the_scope_may_ask(service: Service) -> None:
    person = await service.person("editor")
    assert_problem(await service.client.post(PATH, data={"token": "x"}), 401, "unauthenticated")
    assert_problem(await service.client.post(PATH, data={"token": "x"}, headers=person.headers), 403, "forbidden")


async def test_the_metadata_names_the_endpoint(service: Service) -> None:
    metadata = (await service.client.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["introspection_endpoint"].endswith(PATH)
