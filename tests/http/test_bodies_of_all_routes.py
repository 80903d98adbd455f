"""Every route that takes content is held to the same strictness, found in the OpenAPI document rather than listed."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.http.operations import FORM, MULTIPART, Described, described
from tests.http.service import Caller, Service
from tests.http.test_problems import CANARY, assert_problem
from tests.http.test_strict_json import DOUBTFUL

pytestmark = pytest.mark.asyncio(loop_scope="module")

Sent = tuple[Described, str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(shared: Service) -> Caller:
    return await shared.person("admin")


def operations(service: Service, media: str) -> list[Described]:
    return [operation for operation in described(service.app) if media in operation.bodies]


def json_operations(service: Service) -> Iterator[Sent]:
    """Each operation with each media type of JSON that it takes, and an example."""
    found = [(one, media, body) for one in described(service.app) for media, body in one.json_bodies.items()]
    assert len(found) > 20
    yield from found


async def send(caller: Caller, operation: Described, media: str, content: Any, **headers: str) -> httpx2.Response:
    headers = {"Content-Type": media, **headers}
    return await caller(operation.method, operation.path, content=content, headers=headers)


def is_utf8(raw: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        return bool(raw.decode())
    return False


def multipart(**parts: bytes) -> bytes:
    named = [
        b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (n.encode(), v) for n, v in parts.items()
    ]
    return b"".join(named) + b"--x--\r\n"


async def test_doubtful_json_is_malformed_everywhere(shared: Service, admin: Caller) -> None:
    for operation, media, _ in json_operations(shared):
        for name, raw in DOUBTFUL.items():
            optional = not operation.document["requestBody"]["required"]
            if raw or not optional:
                answer = await send(admin, operation, media, raw)
                assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json"), (str(operation), name)
                assert_problem(answer, 400, "malformed_json")
    for operation in operations(shared, MULTIPART):
        for raw in DOUBTFUL.values():
            if raw and b"\x00" not in raw and is_utf8(raw):
                content = multipart(file=b"text", metadata=raw)
                answer = await send(admin, operation, f"{MULTIPART}; boundary=x", content)
                assert_problem(answer, 400, "malformed_json")


async def test_what_is_no_object_is_invalid_everywhere(shared: Service, admin: Caller) -> None:
    for operation, media, _ in json_operations(shared):
        for value in ([], [{}], "canary", 1, -0.0, True, None):
            answer = await send(admin, operation, media, json.dumps(value))
            problem = assert_problem(answer, 422, "invalid")
            assert [(item["pointer"], item["code"]) for item in problem["errors"]] == [("", "type")], str(operation)


async def test_unknown_members_are_invalid_everywhere(shared: Service, admin: Caller) -> None:
    for operation, media, example in json_operations(shared):
        for name in (CANARY, "__proto__", "constructor", "", " ", "ID", "a" * 10_000, "\u202e", "a/b~c"):
            answer = await send(admin, operation, media, json.dumps({**example, name: CANARY}))
            problem = assert_problem(answer, 422, "invalid")
            assert [(item["pointer"], item["code"]) for item in problem["errors"]] == [("", "unknown_member")], (
                str(operation),
                name,
            )


async def test_unknown_members_inside_are_told_at_the_object_that_they_stand_in(shared: Service, admin: Caller) -> None:
    everyone = {"subject": {"type": "everyone", CANARY: 1}, "level": "read", CANARY: 2}
    answer = await admin.put(f"/collections/{admin.id}/grants", {"grants": [everyone]}, headers={"If-Match": "*"})
    errors = {item["pointer"]: item for item in assert_problem(answer, 422, "invalid")["errors"]}
    assert {pointer: item["code"] for pointer, item in errors.items()} == {
        "/grants/0": "unknown_member",
        "/grants/0/subject": "unknown_member",
    }
    assert errors["/grants/0/subject"]["detail"] == "Only these members are taken here: type, id."
    answer = await admin.post(f"/users/{admin.id}/disable", {CANARY: 1})
    (error,) = assert_problem(answer, 422, "invalid")["errors"]
    assert error["detail"] == "Only these members are taken here: none."
    for path in ("/search", "/answers"):
        text = {"query": "q"} if path == "/search" else {"question": "q"}
        condition = {"field": "title", "op": "eq", "value": "x", CANARY: 1}
        answer = await admin.post(path, {**text, "filter": {"and": [condition]}})
        assert assert_problem(answer, 422, "filter_invalid")["errors"][0]["pointer"] == "/filter/and/0"
        answer = await admin.post(path, {**text, "filter": {"field": CANARY, "op": CANARY, "value": CANARY}})
        assert_problem(answer, 422, "filter_invalid")


@pytest.mark.parametrize(
    "media",
    [
        "",
        "text/plain",
        "text/json",
        "application/jsonx",
        "application/xml",
        "application/octet-stream",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/json;charset=utf-8;charset=ascii",
        "application/json, application/json",
        f"application/{CANARY}",
    ],
)
async def test_other_media_types_are_refused_everywhere(shared: Service, admin: Caller, media: str) -> None:
    for operation in [one for one in described(shared.app) if one.bodies]:
        content = next((json.dumps(body) for body in operation.json_bodies.values()), "grant_type=password")
        assert_problem(await send(admin, operation, media, content), 415, "unsupported_media_type")


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip", CANARY])
async def test_coded_content_is_refused_everywhere(shared: Service, admin: Caller, coding: str) -> None:
    for operation in [one for one in described(shared.app) if one.bodies]:
        for media in operation.bodies:
            answer = await send(admin, operation, f"{media}; boundary=x", b"{}", **{"Content-Encoding": coding})
            assert_problem(answer, 415, "unsupported_media_type")


async def test_too_much_content_is_refused_everywhere_however_it_is_announced(shared: Service, admin: Caller) -> None:
    async def flowing(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 65536 + 1):
            yield b" " * 65536

    for operation in [one for one in described(shared.app) if one.bodies]:
        for media in operation.bodies:
            limit = {FORM: 64 * 1024, MULTIPART: 26 * 1024 * 1024}.get(media, 1024 * 1024)
            named = f"{media}; boundary=x"
            announced = await send(admin, operation, named, b"", **{"Content-Length": str(limit + 1)})
            assert_problem(announced, 413, "too_large")
            if media == MULTIPART:
                continue
            lying = {"Content-Length": "2"}
            assert_problem(await send(admin, operation, named, flowing(limit), **lying), 413, "too_large")
            assert_problem(await send(admin, operation, named, flowing(limit)), 413, "too_large")


async def test_stray_and_repeated_parameters_are_invalid_on_every_route(shared: Service, admin: Caller) -> None:
    for operation in described(shared.app):
        known = [item["name"] for item in operation.document.get("parameters", []) if item["in"] == "query"]
        if operation.name == "finish_sign_on":
            continue  # providers add what they like, RFC 6749 §4.1.2
        for query in (f"{CANARY}=1", f"limit{CANARY}=1&x=2", f"=1{CANARY}", "a&a", "a=%00", f"a=%0A{CANARY}"):
            problem = assert_problem(await admin(operation.method, f"{operation.path}?{query}"), 422, "invalid")
            assert [item["pointer"] for item in problem["errors"]] == ["query"], (str(operation), query)
        for name in known:
            answer = await admin(operation.method, f"{operation.path}?{name}=1&{name}=1")
            assert [item["pointer"] for item in assert_problem(answer, 422, "invalid")["errors"]] == [name]
        for query in (f"a=%{CANARY}", "%ff=1", "a=%C0%AF"):
            assert_problem(await admin(operation.method, f"{operation.path}?{query}"), 400, "malformed_query")


async def test_forms_are_as_strict_in_form(shared: Service, admin: Caller) -> None:
    for operation in operations(shared, FORM):
        for content in (b"grant_type=a&grant_type=b", b"%zz=1", b"token=%ff", b"username=%00", b"&" * 60, b""):
            problem = assert_problem(await send(admin, operation, FORM, content), 400, "invalid_request")
            assert problem["error"] == "invalid_request"
