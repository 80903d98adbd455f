"""What surrounds every answer: request ids, security headers, HEAD, the access line and the figures."""

import re
from asyncio import wait_for
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import orjson
import pytest

from adapters.telemetry.logging import configure_logging
from tests.http.service import Service
from tests.http.test_problems import assert_problem


@contextmanager
def logged() -> Iterator[list[dict[str, object]]]:
    """The log lines of a block, as the service writes them."""
    lines: list[dict[str, object]] = []
    stream = StringIO()
    configure_logging("INFO", "json", stream)
    try:
        yield lines
    finally:
        configure_logging("INFO", "text", StringIO())
        told = map(orjson.loads, stream.getvalue().splitlines())
        lines += [line for line in told if "event" in line]  # the client of the tests logs too


@pytest.mark.parametrize("given", ["a", "req-1", "019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70", "A.b_c:d", "x" * 128])
async def test_a_request_id_is_taken_over(service: Service, given: str) -> None:
    answer = await service.client.get("/livez", headers={"X-Request-ID": given})
    assert answer.headers.get_list("x-request-id") == [given]


@pytest.mark.parametrize("given", ["", " ", "a b", "x" * 129, "é", "a\tb", "<script>", "a,b", '"', "../x"])
async def test_what_is_no_request_id_is_replaced(service: Service, given: str) -> None:
    answer = await service.client.get("/livez", headers=[(b"X-Request-ID", given.encode("latin-1"))])
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-request-id"])
    twice = await service.client.get("/livez", headers=[("X-Request-ID", "a"), ("X-Request-ID", "b")])
    assert re.fullmatch(r"[0-9a-f-]{36}", twice.headers["x-request-id"])


@pytest.mark.parametrize(
    "path",
    ["/livez", "/api/v1/me", "/nothing", "/docs", "/openapi.json", "/problems/not_found", "/account/reset-password"],
)
async def test_every_answer_is_safe_in_a_browser(service: Service, path: str) -> None:
    headers = (await service.client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["cache-control"]
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert len(headers.get_list("content-security-policy")) == 1
    assert "strict-transport-security" not in headers
    assert "server" not in headers


async def test_head_is_get_without_the_content(service: Service) -> None:
    person = await service.person("viewer")
    got, head = await person.get("/me"), await person("HEAD", "/me")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == got.headers["etag"]
    assert head.headers["content-length"] == got.headers["content-length"]
    assert (await service.anonymous("HEAD", "/me")).status_code == 401


async def test_head_of_a_stream_ends_with_its_head(service: Service) -> None:
    editor = await service.person("editor")
    collection = (await editor.post("/collections", {"name": "c"})).json()["id"]
    submitted = (await editor.post(f"/collections/{collection}/documents", {"text": "t"})).json()
    head = await wait_for(editor("HEAD", f"/jobs/{submitted['job']['id']}/events"), 10)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].startswith("text/event-stream")
    got = await editor.get(f"/documents/{submitted['document']['id']}/content")
    head = await editor("HEAD", f"/documents/{submitted['document']['id']}/content")
    assert head.content == b""
    assert {**head.headers, "x-request-id": ""} == {**got.headers, "x-request-id": ""}


async def test_each_request_is_one_line_with_its_id_and_without_what_was_sent(service: Service) -> None:
    person = await service.person("viewer")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"X-Request-ID": "line-1", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    with logged() as lines:
        await person.get("/api/v1/users/canary-3f9a?x=canary-3f9a", headers=headers)
    (line,) = lines
    assert (line["message"], line["request_id"]) == ("request", "line-1")
    assert (line["method"], line["route"], line["status"]) == ("GET", "/api/v1/users/{user_id}", 403)
    assert line["actor"] == f"user:{person.id}"
    assert (line["client"], line["trace"]) == ("192.0.2.7", trace)
    assert "canary-3f9a" not in str(line)


async def test_requests_are_counted_by_route_and_never_by_path(service: Service) -> None:
    person = await service.person("viewer")
    for path in ("/users/canary-3f9a", "/canary-3f9a", "/me"):
        await person.get(path)
    await service.client.request("CANARY", "/livez")
    figures = (await service.client.get("/metrics")).text
    assert 'fastops_http_requests_total{method="GET",route="/api/v1/me",status="200"}' in figures
    assert 'fastops_http_requests_total{method="GET",route="unmatched",status="404"}' in figures
    assert 'method="other",route="/livez",status="405"' in figures
    assert "fastops_http_request_duration_seconds_bucket" in figures
    assert "fastops_http_requests_in_progress" in figures
    assert "canary" not in figures.casefold()


async def test_health_is_told_to_machines(service: Service) -> None:
    assert (await service.client.get("/livez")).json() == {"status": "alive"}
    assert (await service.client.get("/readyz")).json() == {"status": "ready"}
    assert (await service.client.get("/version")).json()["name"] == "fastops"
    service.container.operations.health().stopping = True
    problem = assert_problem(await service.client.get("/readyz"), 503, "not_ready")
    assert "stopping" in problem["detail"]
