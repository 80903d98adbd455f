"""No value brings the service down, and every store answers to it as the one in memory does."""

import json
from typing import Any

import pytest
import pytest_asyncio

from tests.http.service import Caller, Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXTS = [
    "\x01\x1b[31m",
    "\x7f\x80\x9f",
    "\u202egnp.exe",
    "\ufeff",
    "\ufffe\uffff\U0010ffff",
    "👩‍👩‍👧‍👦" * 40,
    "Ω≈ç√∫˜µ≤≥÷",
    "'; DROP TABLE users; --",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "%00%0d%0a",
    "%_\\",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "=1+1",
    "İıſßΣς",
    "ﷺ" * 60,
    "a\u0300" * 100,
    "\u0627\u200d\u200f",
    " ",
    "\t\n",
    "\u2028\u2029",
    "null",
    "\\u0000",
    "a" * 100_000,
    "é" * 254,
]
VALUES: list[Any] = [
    *TEXTS,
    None,
    True,
    0,
    -1,
    1.5,
    -0.0,
    1.0,
    0.1 + 0.2,
    5e-324,
    1.7976931348623157e308,
    2**31,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    [],
    {},
    [[]],
    [[[[[[[[[1]]]]]]]]],
    {"": ""},
    {"a" * 101: 1},
    {"a.b": {"$c": [1, "x", None]}},
]
ANSWERED = {200, 201, 202, 404, 409, 422}


async def answers(caller: Caller, collection: str, value: Any) -> list[tuple[str, int, Any]]:
    """The value in every member that reaches a store: where, status, and what of it is shown again."""
    given = [
        ("POST", "/users", {"name": value, "email": "n@example.com"}),
        ("POST", "/users", {"name": "n", "email": value}),
        ("POST", "/users", {"name": "n", "email": f"{value}@example.com"}),
        ("POST", "/users", {"name": "n", "email": "m@example.com", "password": value}),
        ("POST", "/users", {"name": "n", "email": "o@example.com", "roles": value}),
        ("POST", "/users", {"name": "n", "email": "o@example.com", "roles": [value]}),
        ("PATCH", "/me", {"name": value}),
        ("POST", "/groups", {"name": value, "description": value}),
        ("POST", "/roles", {"name": "r", "description": value, "permissions": []}),
        ("POST", "/roles", {"name": value, "permissions": [value]}),
        ("POST", "/api-keys", {"name": value, "scopes": []}),
        ("POST", "/api-keys", {"name": "n", "scopes": [], "expires_at": value}),
        ("POST", "/api-keys", {"name": "n", "scopes": [], "allowed_cidrs": [value]}),
        ("POST", "/collections", {"name": value, "description": value}),
        ("POST", "/collections", {"name": "n", "metadata": value}),
        ("POST", "/collections", {"name": "n", "metadata": {"a": value, "b": [value]}}),
        ("POST", "/collections", {"name": "n", "metadata": {str(value): 1}}),
        ("PATCH", f"/collections/{collection}", {"metadata": {"a": value, "b": {"c": value}}}),
        ("POST", f"/collections/{collection}/documents", {"text": value}),
        ("POST", f"/collections/{collection}/documents", {"text": "t", "title": value, "external_id": value}),
        ("POST", f"/collections/{collection}/documents", {"text": f"t {value}", "metadata": {"a": value}}),
        ("POST", "/answers", {"question": value}),
    ]
    told = []
    for method, path, body in given:
        answer = await caller(method, path, body, headers={"If-Match": "*"})
        assert answer.status_code in ANSWERED, (method, path, answer.status_code, answer.text)
        content = answer.json()
        shown = {name: content.get(name) for name in ("name", "email", "description", "metadata", "errors", "code")}
        told.append((f"{method} {path.replace(collection, '…')}", answer.status_code, shown))
    return told


async def answers_to_all(service: Service) -> list[tuple[str, int, Any]]:
    admin = await service.person("admin")
    collection = (await admin.post("/collections", {"name": "c"})).json()["id"]
    return [told for value in VALUES for told in await answers(admin, collection, value)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def known(shared: Service) -> list[tuple[str, int, Any]]:
    """How the store in memory answers."""
    return await answers_to_all(shared)


@pytest.mark.parametrize("on_each_store", ["sqlite", "postgres"], indirect=True)
async def test_no_value_brings_a_service_down_on_any_store(on_each_store: Service, known: list[Any]) -> None:
    for own, other in zip(await answers_to_all(on_each_store), known, strict=True):
        assert own == other


async def test_no_value_brings_a_search_down(shared: Service) -> None:
    admin = await shared.person("admin")
    for value in VALUES:
        for members in (
            {"query": value},
            {"filter": value},
            {"filter": {"field": value, "op": "eq", "value": value}},
            {"filter": {"field": "title", "op": value, "value": "x"}},
            {"filter": {"field": "metadata.a", "op": "in", "value": [value]}},
            {"filter": {"and": [{"not": value}]}},
            {"limit": value, "offset": value, "collection_ids": value},
            {"mode": value, "group_by": value, "explain": value},
        ):
            answer = await admin.post("/search", {"query": "q", **members})
            assert answer.status_code in {200, 422}, (members, answer.text)


async def test_free_metadata_comes_back_as_it_was(on_each_store: Service) -> None:
    admin = await on_each_store.person("admin")
    numbers = b'{"a": [-0, 1e2, 1E-400, 0.10, 1e16, -9223372036854775808], "b": {"9": "\\u00e9", "\\ud83d\\ude00": ""}}'
    made = await admin("POST", "/collections", content=b'{"name": "m", "metadata": %b}' % numbers, **SENT)
    assert made.status_code == 201
    read = await admin.get(f"/collections/{made.json()['id']}")
    for answer in (made, read):
        assert json.dumps(answer.json()["metadata"]) == json.dumps(json.loads(numbers))


SENT: dict[str, Any] = {"headers": {"Content-Type": "application/json"}}


async def test_no_parameter_brings_a_list_down_on_any_store(on_each_store: Service) -> None:
    admin = await on_each_store.person("admin")
    for path, names in FILTERS.items():
        for name in (*names.split(), "cursor", "sort", "limit"):
            for text in TEXTS:
                answer = await admin.get(path, params={name: text[:1000]})
                assert answer.status_code in {200, 400, 422}, (path, name, answer.text)


FILTERS = {
    "/users": "email status role q",
    "/groups": "name q member",
    "/collections": "name q",
    "/jobs": "status kind subject_id",
    "/audit-events": "actor action target_type target_id from to",
}


async def test_what_a_file_brings_along_breaks_nothing(on_each_store: Service) -> None:
    """Names, types and bytes that no column holds as they are: cut, replaced or kept, but never an error."""
    editor = await on_each_store.person("editor")
    collection = (await editor.post("/collections", {"name": "files"})).json()["id"]
    disposition = b'Content-Disposition: form-data; name="file"; filename="%b"\r\nContent-Type: %b\r\n\r\n'
    for number, (name, media, content) in enumerate(
        [
            (b"n" * 3000 + b".txt", b"text/plain", b"a long name"),
            (b"\xff\xfe.txt", b"text/plain", b"no UTF-8"),
            ("é\u202e\U0010ffff.txt".encode(), b"text/plain; charset=\xff", b"strange"),
            (b"a.txt", b"x/" + b"y" * 3000, b"a long type"),
            (b"a.txt", b"text/plain", b"NUL \x00 inside\x00" * 10),
            (b"a.txt", b"text/plain", b"\xff\xfe\x00\xd8 half a pair"),
            (b"../../a%22.csv", b"text/csv", b"a,b\n=1+1,2\n\x00,3\n"),
            (b"", b"", b""),
        ]
    ):
        body = b"--x\r\n" + disposition % (name, media) + content + b"%d\r\n--x--\r\n" % number
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = await editor("POST", f"/collections/{collection}/documents", content=body, headers=headers)
        assert answer.status_code == 202, (name[:20], answer.text)
    await on_each_store.ingest()
    for document in (await editor.get(f"/collections/{collection}/documents")).json()["items"]:
        assert document["status"] in {"ready", "failed"}
        assert (await editor.get(f"/documents/{document['id']}/chunks")).status_code == 200
        assert (await editor.get(f"/documents/{document['id']}/content")).status_code == 200
