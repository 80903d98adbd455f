"""Every refusal has the form of RFC 9457, and none repeats what was sent or shows what is inside."""

from typing import Any

import httpx2
import pytest

from domain.shared.errors import FastOpsError, Kind, RateLimited, StorageFull, Unavailable
from entrypoints.http.problems import STATUS
from tests.http.service import Caller, Service

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}
CANARY = "canary-3f9a"


def assert_problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem.keys() >= MEMBERS
    assert problem["status"] == status
    assert problem["type"] == f"/problems/{code}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert bool(problem.get("errors")) is (status == 422), answer.text  # and each of them tells where
    assert CANARY not in answer.text
    return problem


async def test_unknown_paths_and_methods(service: Service) -> None:
    for path in ("/", "/nothing", "/api/v1/nothing", "/api/v1", "/api/v2/users", "/api/v1/users/", f"/api/v1/{CANARY}"):
        assert_problem(await service.client.get(path), 404, "not_found")
    refused = await service.client.delete("/api/v1/users")
    assert_problem(refused, 405, "method_not_allowed")
    assert refused.headers["allow"] == "GET, HEAD, POST"
    for method in ("TRACE", "CONNECT", "OPTIONS", "BREW"):
        assert_problem(await service.client.request(method, "/api/v1/me"), 405, "method_not_allowed")
    refused = await service.client.put("/api/v1/users/019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70")
    assert refused.headers["allow"] == "DELETE, GET, HEAD, PATCH"
    refused = await service.client.get("/api/v1/audit-events/verify")  # and no event of that name
    assert_problem(refused, 405, "method_not_allowed")
    assert refused.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "application/json;q=0", "text/*, image/png", "*/*;q=0", "a/b;q=x"]
)
async def test_a_form_that_is_not_there(service: Service, accept: str) -> None:
    admin = await service.person("admin")
    assert_problem(await admin.get("/users", headers={"Accept": accept}), 406, "not_acceptable")


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "application/*", "text/html, */*;q=0.1", "", "Application/JSON; q=0.5", ","]
)
async def test_a_form_that_is_there(service: Service, accept: str) -> None:
    admin = await service.person("admin")
    if accept != ",":
        assert (await admin.get("/users", headers={"Accept": accept})).status_code == 200


async def test_unknown_parameters_members_and_values_are_located_but_never_repeated(service: Service) -> None:
    admin = await service.person("admin")
    problem = assert_problem(await admin.get(f"/users?{CANARY}=1&limit=0"), 422, "invalid")
    assert [(item["pointer"], item["code"]) for item in problem["errors"]] == [("query", "unknown_parameter")]
    assert_problem(await admin.get(f"/me?x={CANARY}"), 422, "invalid")
    assert_problem(await admin.get(f"/users?limit={CANARY}"), 422, "invalid")
    assert_problem(await admin.get(f"/users?sort={CANARY}"), 422, "invalid")
    assert_problem(await admin.get(f"/users?cursor={CANARY}"), 400, "cursor_invalid")
    body = {"name": CANARY * 50, "email": f"{CANARY} at home", "roles": [CANARY], "kind": CANARY, CANARY: 1, "b": 2}
    problem = assert_problem(await admin.post("/users", body), 422, "invalid")
    assert {item["pointer"] for item in problem["errors"]} == {"/name", "/kind", ""}
    assert_problem(await admin("POST", "/users", content=f'{{"{CANARY}'.encode()), 415, "unsupported_media_type")


async def test_credentials_that_are_none(service: Service) -> None:
    for value in (f"Bearer {CANARY}", "Bearer ", "Bearer a b", "Bearer é", "Bearer fo_x_y", "Bearer " + "a" * 10_000):
        headers = [(b"Authorization", value.encode("latin-1"))]
        refused = await service.client.get("/api/v1/me", headers=headers)
        assert_problem(refused, 401, "invalid_token")
        assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    for value in ("Basic YTpi", "", "Negotiate", CANARY):
        assert_problem(await service.anonymous.get("/me", headers={"Authorization": value}), 401, "unauthenticated")
    admin = await service.person("admin")
    both = admin.with_headers(**{"X-API-Key": "fo_x"})
    assert_problem(await both.get("/me"), 401, "invalid_token")
    token = admin.headers["Authorization"].removeprefix("Bearer ")
    assert_problem(await service.anonymous.get("/me", headers={"X-API-Key": token}), 401, "invalid_token")
    assert (await service.anonymous.get("/me", headers={"Authorization": f"bearer  {token}"})).status_code == 200


class Failing:
    """Stands in for a service whose world has come down."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def me(self, _: Any) -> Any:
        raise self._error


async def failing(service: Service, error: Exception) -> httpx2.Response:
    person: Caller = await service.person("viewer")
    from dependency_injector.providers import Object

    with service.container.identity.account.override(Object(Failing(error))):
        return await person.get("/me")


async def test_the_unexpected_is_told_without_anything_of_it(service: Service) -> None:
    answer = await failing(service, ZeroDivisionError(f"{CANARY} /srv/secret.py SELECT"))
    problem = assert_problem(answer, 500, "internal_error")
    assert "ZeroDivision" not in answer.text
    assert "secret" not in problem["detail"]


async def test_what_is_down_or_busy_says_when_to_come_back(service: Service) -> None:
    answer = await failing(service, Unavailable("database_unavailable", retry_after=2.1))
    assert_problem(answer, 503, "database_unavailable")
    assert answer.headers["retry-after"] == "3"
    answer = await failing(service, RateLimited())
    assert_problem(answer, 429, "rate_limited")
    assert answer.headers["retry-after"] == "1"
    assert_problem(await failing(service, StorageFull()), 507, "storage_full")


def test_every_kind_of_error_has_a_status() -> None:
    assert STATUS.keys() == set(Kind)

    def kinds(error: type[FastOpsError]) -> set[Kind]:
        own = {error.kind} if hasattr(error, "kind") else set()
        return own.union(*(kinds(child) for child in error.__subclasses__()))

    assert kinds(FastOpsError) == set(Kind)
