"""Idempotency-Key: the same request again gives the first answer again, and its work is done once."""

import asyncio
from typing import Any

import pytest
from fastapi import Request
from fastapi.routing import APIRoute

from domain.shared.actor import Origin, anonymous
from entrypoints.http.exchange import Exchange, attach
from entrypoints.http.repeats import repeat_of
from tests.http.service import Caller, Service
from tests.http.test_collections import made_by
from tests.http.test_problems import assert_problem

NEW = {"name": "Ada", "email": "ada@example.com", "roles": ["viewer"]}


def keyed(key: str) -> dict[str, Any]:
    return {"headers": {"Idempotency-Key": key}}


async def test_the_first_answer_comes_again(stored: Service) -> None:
    admin = await stored.person("admin")
    first = await admin.post("/users", NEW, **keyed("k1"))
    again = await admin.post("/users", NEW, **keyed("k1"))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert {name: again.headers[name] for name in ("location", "etag")} == {
        name: first.headers[name] for name in ("location", "etag")
    }
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert_problem(await admin.post("/users", NEW), 409, "email_taken")


async def test_a_secret_is_shown_again_to_whoever_repeats(stored: Service) -> None:
    person = await stored.person("viewer")
    body = {"name": "k", "scopes": ["search"]}
    first, again = [await person.post("/api-keys", body, **keyed("k1")) for _ in range(2)]
    assert first.json()["secret"] == again.json()["secret"]
    path = f"/api-keys/{first.json()['id']}/rotate"
    rotated = [(await person.post(path, **keyed("r"))).json()["secret"] for _ in range(2)]
    assert rotated[0] == rotated[1] != first.json()["secret"]
    assert len((await person.get("/api-keys")).json()["items"]) == 1


async def test_verbs_that_refuse_the_second_time_are_repeated_too(stored: Service) -> None:
    admin, person = await stored.person("admin"), await stored.person("viewer")
    answers = [await admin.post(f"/users/{person.id}/disable", **keyed("d")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert (await admin.post(f"/users/{person.id}/disable")).status_code == 409


async def test_the_same_members_are_the_same_request_however_they_are_written(stored: Service) -> None:
    admin = await stored.person("admin")
    json = {"Content-Type": "application/json", "Idempotency-Key": "k1"}
    first = await admin("POST", "/collections", content=b'{"name":"a","metadata":{"x":1,"y":2.0}}', headers=json)
    spaced = b'{ "metadata": {"y": 2, "x": 1.0},\n "name": "\\u0061" }'
    again = await admin("POST", "/collections", content=spaced, headers={**json, "Idempotency-Key": '"k1"'})
    assert again.json()["id"] == first.json()["id"]


async def test_a_file_is_told_by_its_hash_and_not_by_its_boundary(stored: Service) -> None:
    editor = await stored.person("editor")
    path = f"/collections/{(await made_by(editor))['id']}/documents"

    async def send(content: bytes, boundary: str) -> Any:
        part = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'.encode()
        headers = {"Idempotency-Key": "f", "Content-Type": f"multipart/form-data; boundary={boundary}"}
        return await editor("POST", path, content=part + content + f"\r\n--{boundary}--\r\n".encode(), headers=headers)

    first, again, other = await send(b"text", "x"), await send(b"text", "yy"), await send(b"other", "x")
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert_problem(other, 422, "idempotency_key_reused")


@pytest.mark.parametrize("other", [{**NEW, "name": "Eve"}, {**NEW, "roles": []}, {"name": "Ada"}])
async def test_a_key_is_for_one_content(stored: Service, other: dict[str, Any]) -> None:
    admin = await stored.person("admin")
    await admin.post("/users", NEW, **keyed("k1"))
    refused = await admin.post("/users", other, **keyed("k1"))
    assert refused.status_code == 422
    assert refused.json()["code"] == ("invalid" if "email" not in other else "idempotency_key_reused")


async def test_a_key_is_for_one_resource_route_and_caller(stored: Service) -> None:
    admin, first, second = await stored.person("admin"), await stored.person(), await stored.person()
    assert (await admin.post(f"/users/{first.id}/disable", **keyed("k"))).status_code == 200
    refused = await admin.post(f"/users/{second.id}/disable", **keyed("k"))
    assert_problem(refused, 422, "idempotency_key_reused")
    assert (await admin.post(f"/users/{first.id}/enable", **keyed("k"))).status_code == 200
    other = await stored.person("admin")
    mine = await admin.post("/users", NEW, **keyed("k"))
    theirs = await other.post("/users", {**NEW, "email": "eve@example.com"}, **keyed("k"))
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["id"] != theirs.json()["id"]


async def test_a_refusal_is_not_kept(stored: Service) -> None:
    admin, person = await stored.person("admin"), await stored.person()
    assert_problem(await admin.post(f"/users/{person.id}/enable", **keyed("k")), 409, "user_already_active")
    await admin.post(f"/users/{person.id}/disable")
    done = await admin.post(f"/users/{person.id}/enable", **keyed("k"))
    assert (done.status_code, "idempotency-replayed" in done.headers) == (200, False)


async def test_rights_are_asked_before_an_answer_is_given_again(stored: Service) -> None:
    admin, boss = await stored.person("admin"), await stored.person("admin")
    await admin.post("/users", NEW, **keyed("k"))
    await boss.delete(f"/users/{admin.id}/roles/admin")
    assert_problem(await admin.post("/users", NEW, **keyed("k")), 403, "forbidden")


async def test_many_at_once_do_the_work_once(stored: Service) -> None:
    admin = await stored.person("admin")
    answers = await asyncio.gather(*(admin.post("/users", NEW, **keyed("k")) for _ in range(10)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.json()["id"] for answer in made}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in made) == 1


LONGEST = "a" * 255
UNFIT = ["", " ", "a b", "é", "a" * 256, '""', "\x7f", "a\tb", "a, b", '"', '"a', 'a"', 'a"b', '"a"b"', '"a";x=1']
UNFIT += ['"a", "b"', '"a\\"', '"a\\n"', '"é"', f'"{LONGEST}a"']


@pytest.mark.parametrize("key", UNFIT)
async def test_an_unfit_key_is_refused(service: Service, key: str) -> None:
    admin: Caller = await service.person("admin")
    headers = [(b"Idempotency-Key", key.encode("latin-1")), (b"Authorization", admin.headers["Authorization"].encode())]
    answer = await service.client.post("/api/v1/users", json=NEW, headers=headers)
    assert assert_problem(answer, 422, "invalid")["errors"][0]["pointer"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ("k1", '"k1"'),
        ("k1", " \t k1 "),
        (LONGEST, f'"{LONGEST}"'),
        ("a,b;c=d", '"a,b;c=d"'),
        ("a\\b", r'"a\\b"'),
        (r'"a\"b c"', r'"a\"b c"'),
        ("\\" * 255, '"' + "\\\\" * 255 + '"'),
    ],
)
async def test_a_key_is_the_same_with_quotation_marks_and_without(service: Service, first: str, again: str) -> None:
    admin = await service.person("admin")
    answers = [await admin.post("/users", NEW, **keyed(key)) for key in (first, again)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[1].headers["idempotency-replayed"] == "true"


async def test_a_repeated_field_is_no_key(service: Service) -> None:
    admin = await service.person("admin")
    twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b"), *admin.headers.items()]
    assert_problem(await service.client.post("/api/v1/users", json=NEW, headers=twice), 422, "invalid")


SAME = [
    (b'{"name": "a", "metadata": {"x": 1}}', b'{"metadata":{"x":1.0},"name":"\\u0061"}'),
    (b'{"name": "a", "metadata": {"x": 1000}}', b'{"name": "a", "metadata": {"x": 1e3}}'),
    (b'{"name": "a", "metadata": {"x": -0.0}}', b'{"name": "a", "metadata": {"x": 0}}'),
    (b'{"name": "\\ud83d\\ude00"}', '{"name": "😀"}'.encode()),
]
OTHER = [
    (b'{"name": "a"}', b'{"name": "a", "description": ""}'),
    (b'{"name": "a", "metadata": {"x": 1}}', b'{"name": "a", "metadata": {"x": "1"}}'),
    (b'{"name": "a", "metadata": {"x": 1}}', b'{"name": "a", "metadata": {"x": true}}'),
    (b'{"name": "a", "metadata": {"x": [1, 2]}}', b'{"name": "a", "metadata": {"x": [2, 1]}}'),
    (b'{"name": "a", "metadata": {"x": null}}', b'{"name": "a", "metadata": {}}'),
    ('{"name": "é"}'.encode(), '{"name": "e\u0301"}'.encode()),
]


@pytest.mark.parametrize(
    ("first", "again", "same"), [(*pair, True) for pair in SAME] + [(*pair, False) for pair in OTHER]
)
async def test_members_count_as_they_are_sent(service: Service, first: bytes, again: bytes, same: bool) -> None:
    admin = await service.person("admin")
    json = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    made = await admin("POST", "/collections", content=first, headers=json)
    assert made.status_code == 201, made.text
    answer = await admin("POST", "/collections", content=again, headers=json)
    if same:
        assert answer.json() == made.json()
    else:
        assert_problem(answer, 422, "idempotency_key_reused")


async def test_no_content_is_the_same_as_an_empty_object(service: Service) -> None:
    admin, person = await service.person("admin"), await service.person()
    path = f"/users/{person.id}/disable"
    answers = [await admin.post(path, **keyed("k")), await admin.post(path, {}, **keyed("k"))]
    assert [answer.status_code for answer in answers] == [200, 200]


async def test_users_and_their_api_keys_have_keys_of_their_own(service: Service) -> None:
    admin = await service.person("admin")
    callers = [admin, await service.key_of(admin, "users:write"), await service.key_of(admin, "users:write")]
    bodies = [{"name": "Ada", "email": f"{n}@example.com"} for n in range(3)]
    made = [await caller.post("/users", body, **keyed("k")) for caller, body in zip(callers, bodies, strict=True)]
    assert [answer.status_code for answer in made] == [201, 201, 201]
    again = await service.signed_in(admin.email)
    assert (await again.post("/users", bodies[0], **keyed("k"))).json() == made[0].json()


def test_whoever_has_no_name_is_told_by_the_address() -> None:
    exchange = Exchange("r", "192.0.2.7", {b"idempotency-key": b"k"}, actor=anonymous(Origin("r", "192.0.2.7")))
    scope = {"type": "http", "method": "POST", "path": "/x", "route": APIRoute("/x", lambda: None)}
    attach(scope, exchange)
    repeat = repeat_of(Request(scope), b"{}")
    assert repeat is not None
    assert (repeat.principal, repeat.route) == ("address:192.0.2.7", "POST /x")


FILE = 'Content-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\ntext'


def part(name: str, text: str) -> str:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}'


@pytest.mark.parametrize(
    ("parts", "same"),
    [
        ([part("metadata", '{"a":1,"b":2}'), FILE, part("title", "T")], True),
        ([part("title", "T"), part("metadata", '{ "b": 2.0, "a": 1 }'), FILE], True),
        ([FILE, part("external_id", ""), part("title", "T"), part("metadata", '{"a": 1, "b": 2}')], True),
        ([FILE, part("title", "t"), part("metadata", '{"a": 1, "b": 2}')], False),
        ([FILE, part("metadata", '{"a": 1, "b": 2}')], False),
        ([FILE.replace("a.txt", "b.txt"), part("title", "T"), part("metadata", '{"a": 1, "b": 2}')], False),
        ([FILE + " ", part("title", "T"), part("metadata", '{"a": 1, "b": 2}')], False),
    ],
)
async def test_parts_count_by_name_and_value(service: Service, parts: list[str], same: bool) -> None:
    editor = await service.person("editor")
    path = f"/collections/{(await made_by(editor))['id']}/documents"

    async def send(parts: list[str], boundary: str) -> Any:
        content = "".join(f"--{boundary}\r\n{one}\r\n" for one in parts) + f"--{boundary}--\r\n"
        headers = {"Idempotency-Key": "f", "Content-Type": f"multipart/form-data; boundary={boundary}"}
        return await editor("POST", path, content=content.encode(), headers=headers)

    first = await send([FILE, part("title", "T"), part("metadata", '{"a": 1, "b": 2}')], "x")
    assert first.status_code == 202, first.text
    again = await send(parts, "another-boundary")
    if same:
        assert again.json() == first.json()
    else:
        assert_problem(again, 422, "idempotency_key_reused")
