"""Web pages of other origins: those that are listed may call and read, all others are told nothing."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.http.service import Service, a_service, memory_settings
from tests.http.test_problems import assert_problem

LISTED, OTHER = "https://app.example.com", "https://evil.example.com"
ASKED = {"Origin": LISTED, "Access-Control-Request-Method": "PATCH"}
NEEDED = "authorization, content-type, if-match, if-none-match, idempotency-key, x-api-key, traceparent"


@pytest_asyncio.fixture
async def listing() -> AsyncIterator[Service]:
    async with a_service(memory_settings(cors_origins=f"{LISTED}, http://localhost:3000")) as running:
        yield running


def cors_of(answer: Any) -> set[str]:
    return {name for name in answer.headers if name.startswith("access-control-")}


def listed(answer: Any, name: str) -> set[str]:
    return {item.strip().lower() for item in answer.headers.get(name, "").split(",")}


async def test_a_listed_page_is_let_through_and_reads_what_it_needs(listing: Service) -> None:
    admin = await listing.person("admin")
    answer = await admin.get("/users", headers={"Origin": LISTED})
    assert answer.status_code == 200
    assert answer.headers.get_list("access-control-allow-origin") == [LISTED]
    assert "origin" in listed(answer, "vary")
    assert listed(answer, "access-control-expose-headers") >= {
        *("etag", "location", "link", "ratelimit", "ratelimit-policy", "retry-after", "x-request-id"),
        *("idempotency-replayed", "deprecation", "sunset"),
    }
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "origin", [OTHER, "null", "", f"{LISTED}.evil.com", "http://app.example.com", "*", f"{LISTED}/"]
)
async def test_an_origin_that_is_not_listed_is_told_nothing(listing: Service, origin: str) -> None:
    for method in ("GET", "OPTIONS"):
        answer = await listing.client.request(method, "/api/v1/me", headers={**ASKED, "Origin": origin})
        assert answer.status_code == (401 if method == "GET" else 405)
        assert cors_of(answer) == set()
        assert "origin" in listed(answer, "vary"), "a cache must not give this answer to a listed page"
    assert "origin" in listed(await listing.client.get("/livez"), "vary")


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/users", "/api/v1/nothing", "/livez"])
async def test_the_question_before_a_call_is_answered(listing: Service, path: str) -> None:
    fields = {**ASKED, "Access-Control-Request-Headers": NEEDED}
    answer = await listing.client.request("OPTIONS", path, headers=fields)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == LISTED
    assert listed(answer, "access-control-allow-headers") >= {*NEEDED.split(", "), "last-event-id", "x-request-id"}
    assert listed(answer, "access-control-allow-methods") >= {"get", "post", "put", "patch", "delete"}
    assert int(answer.headers["access-control-max-age"]) > 0
    assert "access-control-allow-credentials" not in answer.headers
    assert "origin" in listed(answer, "vary")
    assert answer.headers["x-request-id"]


async def test_refusals_can_be_read_too(listing: Service) -> None:
    person = await listing.person("viewer")
    origin = {"Origin": LISTED}
    get = listing.client.get
    refused = {
        401: await get("/api/v1/me", headers=origin),
        403: await person.get("/users", headers=origin),
        404: await get("/nothing", headers=origin),
        405: await listing.client.options("/api/v1/me", headers=origin),
        422: await person.get("/me?x=1", headers=origin),
    }
    listing.container.identity.access.override(None)
    refused[500] = await person.get("/me", headers=origin)
    listing.container.identity.access.reset_override()
    for status, answer in refused.items():
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == LISTED
        assert answer.headers["access-control-expose-headers"]


async def test_without_the_setting_there_is_nothing_of_it(service: Service) -> None:
    for method in ("GET", "OPTIONS"):
        answer = await service.client.request(method, "/api/v1/me", headers=ASKED)
        assert cors_of(answer) == set()
        assert "vary" not in answer.headers
    assert_problem(await service.client.options("/api/v1/me", headers=ASKED), 405, "method_not_allowed")


async def test_any_origin_is_for_development_and_without_credentials() -> None:
    async with a_service(memory_settings(cors_origins="*")) as service:
        for origin in (LISTED, OTHER):
            answer = await service.client.get("/api/v1/me", headers={"Origin": origin})
            assert answer.headers["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in answer.headers
            asked = await service.client.options("/api/v1/me", headers={**ASKED, "Origin": origin})
            assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, "*")
        assert cors_of(await service.client.get("/livez")) == set()
