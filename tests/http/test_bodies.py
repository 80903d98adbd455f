"""What may be sent as a body: the right media type, at most 1 MiB, strict JSON."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from entrypoints.http.bodies import canonical, merged
from tests.http.service import Service
from tests.http.test_problems import assert_problem
from tests.http.test_strict_json import DOUBTFUL

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("raw", DOUBTFUL.values(), ids=DOUBTFUL.keys())
async def test_doubtful_json_is_malformed(service: Service, raw: bytes) -> None:
    admin = await service.person("admin")
    assert_problem(await admin("POST", "/collections", content=raw, headers=JSON), 400, "malformed_json")


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
