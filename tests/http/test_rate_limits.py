"""Limits over HTTP: who pays for a request, what it costs, and how callers are told."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest_asyncio

from adapters.limits.sign_in import USUAL
from entrypoints.http.app import create_app
from entrypoints.http.limits import ANSWER, HEAVY, READ, SEARCH, WRITE
from entrypoints.http.openapi import operations
from tests.http.service import (
    PASSWORD,
    Caller,
    Service,
    a_service,
    memory_settings,
    quick_container,
    sqlite_settings,
)
from tests.http.test_collections import made_by
from tests.http.test_documents import submitted
from tests.http.test_problems import assert_problem

POLICY = re.compile(r'"([a-z]+)";q=(\d+);w=60')
LIMIT = re.compile(r'"([a-z]+)";r=(\d+);t=(\d+)')
CALLER, ADDRESS, ANSWERS, REFUSALS = 60, 40, 3, 7
SOME_ID = "019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70"


@pytest_asyncio.fixture
async def limited() -> AsyncIterator[Service]:
    """A service with small allowances."""
    small = {
        "rate_limits": "on",
        "rate_limit_caller": CALLER,
        "rate_limit_address": ADDRESS,
        "rate_limit_answers": ANSWERS,
        "rate_limit_refusals": REFUSALS,
    }
    async with a_service(memory_settings(**small)) as running:
        yield running


def told(answer: httpx2.Response) -> tuple[str, int, int]:
    """Name, quota and rest of the limit that an answer tells, after a look at the form of both fields."""
    policy, limit = (
        POLICY.fullmatch(answer.headers["ratelimit-policy"]),
        LIMIT.fullmatch(answer.headers["ratelimit"]),
    )
    assert policy is not None, answer.headers
    assert limit is not None, answer.headers
    assert policy[1] == limit[1]
    assert 0 <= int(limit[3]) <= 60
    return policy[1], int(policy[2]), int(limit[2])


def assert_limited(answer: httpx2.Response) -> None:
    assert_problem(answer, 429, "rate_limited")
    wait = int(answer.headers["retry-after"])
    reset = LIMIT.fullmatch(answer.headers["ratelimit"])
    assert reset is not None
    assert 1 <= int(reset[3]) <= wait <= 60


async def exhausted(caller: Caller) -> None:
    """Have the caller read until nothing is left."""
    while told(await caller.get("/me"))[2]:
        pass


async def test_every_answer_tells_what_is_left(limited: Service) -> None:
    viewer = await limited.person("viewer")
    tag = (await viewer.get("/me")).headers["etag"]
    answers = [
        (200, await viewer.get("/me")),
        (304, await viewer.get("/me", headers={"If-None-Match": tag})),
        (200, await viewer("HEAD", "/me")),
        (403, await viewer.get("/users")),
        (404, await viewer.get(f"/collections/{SOME_ID}")),
        (406, await viewer.get("/me", headers={"Accept": "text/html"})),
        (422, await viewer.get("/me?colour=red")),
        (415, await viewer.post("/search", content=b"{}")),
    ]
    assert [answer.status_code for _, answer in answers] == [status for status, _ in answers]
    assert {told(answer)[:2] for _, answer in answers} == {("default", CALLER)}
    public = [
        (200, await limited.client.get("/openapi.json")),
        (400, await limited.token(grant_type="password", username="nobody@example.com", password="x")),
        (404, await limited.client.get("/nothing")),
        (405, await limited.client.delete("/api/v1/users")),
        (406, await limited.client.get("/openapi.json", headers={"Accept": "text/html"})),
    ]
    assert [answer.status_code for _, answer in public] == [status for status, _ in public]
    assert {told(answer)[:2] for _, answer in public} == {("anonymous", ADDRESS)}
    for refused in (await limited.anonymous.get("/me"), await limited.anonymous.get("/me", headers={"X-API-Key": "x"})):
        assert refused.status_code == 401
        assert told(refused)[:2] == ("credentials", REFUSALS)


async def test_each_kind_of_request_has_its_price(limited: Service) -> None:
    editor = await limited.person("editor")
    left = told(await editor.get("/me"))[2]

    async def price(method: str, path: str, json: Any = None) -> tuple[httpx2.Response, int]:
        nonlocal left
        answer = await editor(method, path, json)
        before, left = left, told(answer)[2]
        return answer, before - left

    assert (await price("GET", "/collections"))[1] == READ.units
    made, units = await price("POST", "/collections", {"name": "papers"})
    assert (made.status_code, units) == (201, WRITE.units)
    hand_in = {"title": "A", "text": "Owls hunt at night."}
    taken, units = await price("POST", f"/collections/{made.json()['id']}/documents", hand_in)
    assert (taken.status_code, units) == (202, HEAVY.units)
    document = taken.json()["document"]["id"]
    assert (await price("GET", f"/documents/{document}/content"))[1] == HEAVY.units
    assert (await price("GET", f"/documents/{document}"))[1] == READ.units
    assert (await price("POST", "/search", {"query": "owls"}))[1] == SEARCH.units
    assert READ.units < WRITE.units < SEARCH.units < HEAVY.units


async def test_answers_have_an_allowance_of_their_own(limited: Service) -> None:
    editor = await limited.person("editor")
    before = told(await editor.get("/me"))[2]
    for n in range(ANSWERS):
        asked = await editor.post("/answers", {"question": "Who hunts at night?"})
        assert asked.status_code == 200
        assert told(asked) == ("answers", ANSWERS, ANSWERS - (n + 1) * ANSWER.units)
    assert_limited(await editor.post("/answers", {"question": "Who hunts at night?"}))
    assert told(await editor.get("/me")) == ("default", CALLER, before - READ.units)
    kept = await editor.get(asked.headers["location"])
    assert (kept.status_code, told(kept)[0]) == (200, "default")


async def test_who_has_spent_it_all_is_told_to_wait_and_nothing_is_done(limited: Service) -> None:
    editor = await limited.person("editor")
    await exhausted(editor)
    assert_limited(await editor.get("/me"))
    assert_limited(await editor.post("/collections", {"name": "papers"}))
    other = await limited.person("admin")
    assert (await other.get("/collections?name=papers")).json()["items"] == []


async def test_a_dear_request_waits_longer_than_a_cheap_one_and_does_not_hold_it_up(limited: Service) -> None:
    editor = await limited.person("editor")
    while told(await editor.get("/me"))[2] > WRITE.units:
        pass
    assert_limited(await editor.post("/search", {"query": "owls"}))
    assert (await editor.get("/me")).status_code == 200


async def test_limits_come_after_credentials_and_before_rights(limited: Service) -> None:
    viewer = await limited.person("viewer")
    assert (await viewer.get("/users")).status_code == 403
    await exhausted(viewer)
    assert_limited(await viewer.get("/users"))
    assert_limited(await viewer.get("/me", headers={"Accept": "text/html"}))
    await viewer.post("/auth/revoke", data={"token": viewer.refresh_token})
    assert_problem(await viewer.get("/me"), 401, "invalid_token")


async def test_users_and_their_keys_pay_for_themselves(limited: Service) -> None:
    ada, eve = await limited.person("editor"), await limited.person("editor")
    key, second = await limited.key_of(ada), await limited.key_of(ada)
    await exhausted(key)
    assert_limited(await key.get("/me"))
    for other in (second, ada, eve):
        assert (await other.get("/me")).status_code == 200
    again = await limited.signed_in(ada.email)
    before = told(await ada.get("/me"))[2]
    assert told(await again.get("/me"))[2] == before - READ.units, "all sessions of a user are one caller"


async def test_who_is_not_signed_in_pays_by_address(limited: Service) -> None:
    async with limited.at("198.51.100.7") as here, limited.at("198.51.100.8") as there:
        for _ in range(ADDRESS):
            assert (await here.get("/problems")).status_code == 200
        assert_limited(await here.get("/openapi.json"))
        assert_limited(await here.get("/nothing"))
        assert_limited(await here.delete("/api/v1/users"))
        assert (await there.get("/openapi.json")).status_code == 200
        viewer = Caller(here, (await limited.person("viewer")).headers)
        assert (await viewer.get("/me")).status_code == 200


async def test_the_addresses_of_one_subscriber_are_one(limited: Service) -> None:
    async with (
        limited.at("2001:db8::1") as one,
        limited.at("2001:db8::ffff:2") as same,
        limited.at("2001:db8:0:1::1") as other,
    ):
        assert told(await one.get("/problems"))[2] == ADDRESS - 1
        assert told(await same.get("/problems"))[2] == ADDRESS - 2
        assert told(await other.get("/problems"))[2] == ADDRESS - 1


async def test_the_token_endpoint_tells_it_in_the_words_of_oauth(limited: Service) -> None:
    for _ in range(ADDRESS):
        await limited.client.get("/problems")
    refused = await limited.token(grant_type="password", username="ada@example.com", password="x")
    assert_limited(refused)
    assert refused.json()["error"] == "temporarily_unavailable"


async def test_refused_credentials_are_bounded_for_an_address_and_hold_up_nobody_else(limited: Service) -> None:
    viewer = await limited.person("viewer")
    wrong = [{}, {"X-API-Key": "fo_x_y"}, {"Authorization": "Bearer a.b.c"}, {"Authorization": "Basic eDp5"}]
    for n in range(REFUSALS):
        assert (await limited.anonymous.get("/me", headers=wrong[n % len(wrong)])).status_code == 401
    for headers in wrong:
        assert_limited(await limited.anonymous.get("/me", headers=headers))
    assert (await viewer.get("/me")).status_code == 200
    async with limited.at("198.51.100.7") as elsewhere:
        assert (await elsewhere.get("/api/v1/me")).status_code == 401


async def test_guesses_at_the_token_of_metrics_are_bounded_and_its_holder_is_not_held_up(sqlite_file: Path) -> None:
    token = "a long random text"
    settings = sqlite_settings(
        sqlite_file,
        environment="production",
        public_url="https://kb.example.com",
        oidc_providers="[]",
        https_only="off",
        metrics_token=token,
        rate_limits="on",
        rate_limit_refusals=2,
    )
    async with a_service(settings) as service:
        for _ in range(2):
            assert (await service.client.get("/metrics")).status_code == 401
        assert_limited(await service.client.get("/metrics", headers={"Authorization": "Bearer x"}))
        right = await service.client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert right.status_code == 200


async def test_what_watches_the_service_is_never_held_up(limited: Service) -> None:
    for path in ("/livez", "/readyz", "/version", "/metrics"):
        for _ in range(ADDRESS + 1):
            answer = await limited.client.get(path)
            assert answer.status_code == 200
        assert "ratelimit" not in answer.headers
        assert "ratelimit-policy" not in answer.headers


async def test_attempts_to_sign_in_have_a_limit_of_their_own() -> None:
    async with a_service(memory_settings(rate_limits="on")) as usual:
        person = await usual.person("viewer")
        wrong = {"grant_type": "password", "username": person.email, "password": "wrong" * 4}
        for _ in range(USUAL.pair.units):
            assert (await usual.token(**wrong)).status_code == 400
        refused = await usual.token(**wrong)
        assert_problem(refused, 429, "sign_in_limited")
        assert int(refused.headers["retry-after"]) > 60
        assert told(refused)[0] == "anonymous"
        async with usual.at("198.51.100.7") as elsewhere:
            right = {**wrong, "password": PASSWORD}
            assert (await elsewhere.post("/api/v1/auth/token", data=right)).status_code == 200


async def test_switched_off_nothing_is_counted_or_told(service: Service) -> None:
    viewer = await service.person("viewer")
    for _ in range(700):
        answer = await viewer.get("/me")
    assert answer.status_code == 200
    assert "ratelimit" not in answer.headers


async def test_a_document_is_handed_in_and_found_under_the_usual_limits() -> None:
    async with a_service(memory_settings(rate_limits="on")) as usual:
        editor = await usual.person("editor")
        collection = await made_by(editor)
        for n in range(20):
            await submitted(editor, collection["id"], text=f"Owl number {n} hunts at night.", title=f"Owl {n}")
        await usual.ingest()
        assert (await editor.post("/search", {"query": "owls at night"})).json()["items"]


def test_the_document_tells_of_limits_wherever_they_are() -> None:
    app = create_app(quick_container(memory_settings()))
    document = app.openapi()
    for name, form in (("RateLimit-Policy", POLICY), ("RateLimit", LIMIT)):
        header = document["components"]["headers"][name]
        assert form.fullmatch(header["example"])
        assert re.match(header["schema"]["pattern"], header["example"])
    unlimited = set()
    for route, operation in operations(app, document):
        answers = operation["responses"]
        if "429" not in answers:
            unlimited.add(route.path)
            assert not any("RateLimit" in answer.get("headers", {}) for answer in answers.values())
            continue
        assert "rate_limited" in answers["429"]["content"]["application/problem+json"]["examples"]
        assert "Retry-After" in answers["429"]["headers"]
        for status, answer in answers.items():
            assert answer["headers"].keys() >= {"RateLimit", "RateLimit-Policy"}, (route.path, status)
    assert unlimited == {"/livez", "/readyz", "/version", "/metrics"}
    assert "limits_unshared" in str(document["paths"]["/api/v1/answers"]["post"]["responses"]["503"])
