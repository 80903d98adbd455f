"""What may be sent as a body: the right media type, at most 1 MiB, strict JSON."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.types import Message

from domain.shared.errors import Malformed
from entrypoints.http.bodies import canonical, merged
from entrypoints.http.content import read
from entrypoints.http.exchange import Exchange, attach
from entrypoints.http.uploads import received
from entrypoints.http.violations import violations_of
from tests.http.service import Service
from tests.http.test_problems import assert_problem
from tests.http.test_strict_json import DOUBTFUL

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("raw", DOUBTFUL.values(), ids=DOUBTFUL.keys())
async def test_doubtful_json_is_malformed(service: Service, raw: bytes) -> None:
    admin = await service.person("admin")
    assert_problem(await admin("POST", "/collections", content=raw, headers=JSON), 400, "malformed_json")


def test_a_rule_without_words_of_its_own_is_told_without_what_was_sent() -> None:
    class Even(BaseModel):
        number: Annotated[int, Field(multiple_of=2)]

    with pytest.raises(ValidationError) as broken:
        Even(number=4711)
    (violation,) = violations_of(broken.value, Even)
    assert (violation.pointer, violation.code) == ("/number", "invalid")
    assert "4711" not in violation.detail


async def test_a_body_that_breaks_off_is_not_taken_for_whole() -> None:
    def broken_off(part: bytes) -> Request:
        messages = iter(({"type": "http.request", "body": part, "more_body": True}, {"type": "http.disconnect"}))

        async def receive() -> Message:
            return next(messages)

        fields = [(b"content-type", b"multipart/form-data; boundary=x")]
        scope = {"type": "http", "method": "POST", "headers": fields}
        attach(scope, Exchange("r", None, {}))
        return Request(scope, receive)

    with pytest.raises(Malformed, match="incomplete_body"):
        await read(broken_off(b'{"name": "a"}'))
    with pytest.raises(Malformed, match="incomplete_body"):
        async with received(broken_off(b"--x\r\n"), "file", frozenset()):
            pass


@pytest.mark.parametrize(
    "media",
    [
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "application/merge-patch+json",
        "application/jsonx",
        "application/json; charset=latin-1",
        "application/json, application/json",
        "multipart/form-data; boundary=x",
        "",
    ],
)
async def test_other_media_types_are_not_taken(service: Service, media: str) -> None:
    admin = await service.person("admin")
    answer = await admin("POST", "/collections", content=b'{"name": "a"}', headers={"Content-Type": media})
    assert_problem(answer, 415, "unsupported_media_type")
    coded = await admin("POST", "/collections", content=b'{"name": "a"}', headers={**JSON, "Content-Encoding": "gzip"})
    assert_problem(coded, 415, "unsupported_media_type")


@pytest.mark.parametrize("media", ["application/json", "Application/JSON", 'application/json; charset="UTF-8"'])
async def test_json_is_taken_however_it_is_spelled(service: Service, media: str) -> None:
    admin = await service.person("admin")
    answer = await admin("POST", "/collections", content=b'{"name": "a"}', headers={"Content-Type": media})
    assert answer.status_code == 201


async def test_a_body_over_the_limit_is_refused_before_it_is_read(service: Service) -> None:
    admin = await service.person("admin")
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65536
            yield b" " * 65536

    chunked = await admin("POST", "/collections", content=endless(), headers=JSON)
    assert_problem(chunked, 413, "too_large")
    assert sent < 1_400_000
    before = sent
    announced = await admin("POST", "/collections", content=endless(), headers={**JSON, "Content-Length": "200000000"})
    assert_problem(announced, 413, "too_large")
    assert announced.headers["connection"] == "close"
    assert sent == before
    exact = b'{"name": "a"' + b" " * (1024 * 1024 - 13) + b"}"
    assert (await admin("POST", "/collections", content=exact, headers=JSON)).status_code == 201
    assert_problem(await admin("POST", "/collections", content=exact + b" ", headers=JSON), 413, "too_large")


async def test_verbs_without_content_take_none_or_an_empty_object(service: Service) -> None:
    admin, person = await service.person("admin"), await service.person()
    for content, status in ((b"", 200), (b"{}", 409), (b'{"a": 1}', 422), (b"[]", 422), (b"x", 400)):
        answer = await admin("POST", f"/users/{person.id}/disable", content=content, headers=JSON)
        assert answer.status_code == status, content


def test_merge_patches_as_the_rfc_has_them() -> None:
    cases: list[tuple[Any, Any, Any]] = [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ]
    for target, patch, result in cases:
        assert merged(target, patch) == result


def test_the_same_members_are_the_same_content() -> None:
    assert canonical({"a": 1, "b": [1.0, {"c": 2e0}]}) == canonical({"b": [1, {"c": 2}], "a": 1.0})
    assert canonical({"a": [1, 2]}) != canonical({"a": [2, 1]})
    assert canonical({"a": True}) != canonical({"a": 1})
