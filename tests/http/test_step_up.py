"""Dangerous actions ask people for a recent sign-in (RFC 9470), and nobody else."""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx2
import pytest
import pytest_asyncio

from application.shared.unit_of_work import Operation
from tests.fakes import ManualClock
from tests.http.operations import Described, described
from tests.http.rights import refusals
from tests.http.service import BASE, PASSWORD, SYSTEM, Caller, Service, a_service, memory_settings, sqlite_settings
from tests.http.test_problems import assert_problem
from tests.http.things import belongings, linked, made, open_to_all, passkey_of

DANGEROUS = {
    "PATCH /api/v1/me",
    "PUT /api/v1/me/password",
    "DELETE /api/v1/me/sessions",
    "DELETE /api/v1/me/sessions/{session_id}",
    "POST /api/v1/me/totp",
    "DELETE /api/v1/me/totp",
    "POST /api/v1/me/recovery-codes",
    "POST /api/v1/me/identities",
    "DELETE /api/v1/me/identities/{identity_id}",
    "POST /api/v1/me/passkeys/options",
    "POST /api/v1/me/passkeys",
    "DELETE /api/v1/me/passkeys/{passkey_id}",
    "POST /api/v1/users/{user_id}/reset-factors",
    "POST /api/v1/api-keys",
    "PATCH /api/v1/api-keys/{key_id}",
    "POST /api/v1/api-keys/{key_id}/rotate",
    "POST /api/v1/users",
    "PATCH /api/v1/users/{user_id}",
    "DELETE /api/v1/users/{user_id}",
    "POST /api/v1/users/{user_id}/disable",
    "POST /api/v1/users/{user_id}/enable",
    "POST /api/v1/me/exports",
    "POST /api/v1/users/{user_id}/exports",
    "PUT /api/v1/users/{user_id}/roles/{name}",
    "DELETE /api/v1/users/{user_id}/roles/{name}",
    "POST /api/v1/roles",
    "PATCH /api/v1/roles/{name}",
    "DELETE /api/v1/roles/{name}",
}
"""As the guide lists them, after V7.5 of OWASP ASVS 5.0."""
BODIES = {
    "PATCH /api/v1/me": {"email": "elsewhere@example.com"},
    "PATCH /api/v1/users/{user_id}": {"roles": ["viewer"]},
}
"""What makes it dangerous, where that depends on the content."""
Dated = tuple[Service, ManualClock]


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def dated(request: pytest.FixtureRequest) -> AsyncIterator[Dated]:
    settings = memory_settings()
    if request.param == "sqlite":
        settings = sqlite_settings(request.getfixturevalue("sqlite_file"))
    clock = ManualClock()
    async with a_service(settings, clock) as service:
        yield service, clock


async def aged(service: Service, clock: ManualClock, caller: Caller) -> Caller:
    """The same person in the same session, an hour and a minute later."""
    clock.forward(minutes=61)
    answer = await service.token(grant_type="refresh_token", refresh_token=caller.refresh_token)
    assert answer.status_code == 200, answer.text
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return Caller(service.client, headers, caller.id, caller.email, answer.json()["refresh_token"])


async def ask(caller: Caller, operation: Described, things: dict[str, str]) -> httpx2.Response:
    content = BODIES.get(str(operation)) or next(iter(operation.bodies.values()), None)
    path = BASE + operation.template.format_map(things)
    return await caller(operation.method, path, content, headers={"If-Match": "*"})


def documented(service: Service) -> list[Described]:
    return [op for op in described(service.app) if "reauthentication_required" in refusals(op, "401")]


async def test_what_is_dangerous_asks_for_a_recent_sign_in_and_nothing_else_does(dated: Dated) -> None:
    service, clock = dated
    admin = await service.person("admin")
    things = await belongings(service, admin) | await open_to_all(service, admin) | await passkey_of(admin)
    dangerous = documented(service)
    assert {str(operation) for operation in dangerous} == DANGEROUS
    old = await aged(service, clock, admin)
    for operation in dangerous:
        answer = await ask(old, operation, things)
        problem = assert_problem(answer, 401, "reauthentication_required")
        assert problem["max_age"] == 3600
        challenge = answer.headers["www-authenticate"]
        assert challenge == 'Bearer error="insufficient_user_authentication", max_age="3600"'
    assert (await old.patch("/me", {"name": "Ada"})).status_code == 200
    assert (await old.get("/me/sessions")).status_code == 200
    assert (await old.post("/users", {"name": "Eve", "email": "eve@example.com"})).status_code == 201


async def test_a_password_makes_the_session_recent_and_the_old_token_stays_old(dated: Dated) -> None:
    service, clock = dated
    old = await aged(service, clock, await service.person("editor"))
    key = {"name": "key", "scopes": []}
    assert_problem(await old.post("/me/reauthentication", {"password": "wrong"}), 400, "invalid_grant")
    answer = await old.post("/me/reauthentication", {"password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json().keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert answer.headers["cache-control"] == "no-store"
    fresh = old.with_headers(Authorization=f"Bearer {answer.json()['access_token']}")
    assert (await fresh.post("/api-keys", key)).status_code == 201
    assert_problem(await old.post("/api-keys", key), 401, "reauthentication_required")
    session = (await fresh.get("/me/sessions")).json()["items"][0]
    assert session["authenticated_at"] > session["created_at"]
    refreshed = await service.token(grant_type="refresh_token", refresh_token=old.refresh_token)
    again = old.with_headers(Authorization=f"Bearer {refreshed.json()['access_token']}")
    assert (await again.post("/api-keys", key)).status_code == 201


async def test_the_refusal_names_the_ways_that_the_account_has(dated: Dated) -> None:
    service, clock = dated
    person = old = await service.person("editor")

    async def told() -> tuple[list[str], list[str] | None, str]:
        nonlocal old
        old = await aged(service, clock, old)
        refused = await old.post("/api-keys", {"name": "key", "scopes": []})
        problem = assert_problem(refused, 401, "reauthentication_required")
        return problem.get("ways", []), problem.get("providers"), problem["detail"]

    assert (await told())[:2] == (["password"], None)
    await linked(service, person, "ada")
    await passkey_of(await service.signed_in(person.email, person.id))
    assert (await told())[:2] == (["password", "passkey", "oidc"], ["corp"])
    async with service.container.persistence.store()(Operation("test", SYSTEM)) as uow:
        uow.passwords.remove(await uow.passwords.get(UUID(person.id)))
        await uow.commit(None)
    ways, providers, detail = await told()
    assert (ways, providers) == (["passkey", "oidc"], ["corp"])
    assert "with a passkey, or by a new sign-in at your OpenID provider" in detail
    async with service.container.persistence.store()(Operation("test", SYSTEM)) as uow:
        (passkey,) = await uow.passkeys.of_user(UUID(person.id))
        passkey.cloned_at = clock.now()
        (identity,) = await uow.identities.of_user(UUID(person.id))
        identity.provider = "gone"
        await uow.commit(None)
    assert (await told())[0] == []


async def test_keys_are_never_asked_and_cannot_answer(dated: Dated) -> None:
    service, clock = dated
    admin = await service.person("admin")
    key = await service.key_of(admin, "users:read", "users:write", "api-keys")
    person = await service.person()
    clock.forward(days=1)
    assert (await key.post("/api-keys", {"name": "next", "scopes": []})).status_code == 201
    assert (await key.delete(f"/users/{person.id}", headers={"If-Match": "*"})).status_code == 204
    assert_problem(await key.post("/me/reauthentication", {"password": PASSWORD}), 403, "session_required")


async def test_nobody_proves_anything_for_a_session_that_has_ended(service: Service) -> None:
    person = await service.person()
    await service.client.post("/api/v1/auth/revoke", data={"token": person.refresh_token})
    assert_problem(await person.post("/me/reauthentication", {"password": PASSWORD}), 401, "invalid_token")


async def test_the_age_is_a_setting() -> None:
    clock = ManualClock()
    async with a_service(memory_settings(reauthentication_seconds=86400), clock) as service:
        old = await aged(service, clock, await service.person("editor"))
        assert await made(old, "/api-keys", {"name": "key", "scopes": []})
