"""One rule for every list that the OpenAPI document knows: orders, limits, cursors and links."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import pytest_asyncio
from httpx2 import ASGITransport, AsyncClient
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.values import ListQuery, Sort
from entrypoints.http.lists import paged
from tests.http.operations import described
from tests.http.service import BASE, Caller, Service, a_service, sqlite_settings
from tests.http.test_problems import CANARY, assert_problem
from tests.http.things import linked, passkey_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

ODD = "a&b=c d+e%41#é<>\"'\\😀;,?/:"


@dataclass
class Listed:
    """One list that holds at least three items, and the orders that the document names for it."""

    path: str
    sorts: list[str]
    default: str


@dataclass
class Furnished:
    service: Service
    admin: Caller
    lists: list[Listed]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def furnished(shared: Service) -> Furnished:
    admin = await shared.person("admin")
    ids = await furnish(shared, admin)
    lists = []
    for operation in described(shared.app):
        parameters = {item["name"]: item["schema"] for item in operation.document.get("parameters", [])}
        if operation.method == "GET" and "limit" in parameters:
            path = operation.template.format(**ids)
            lists.append(Listed(path, parameters["sort"]["enum"], parameters["sort"]["default"]))
    assert len(lists) >= 12
    return Furnished(shared, admin, lists)


async def furnish(service: Service, admin: Caller) -> dict[str, str]:
    """At least three of everything; the ids that paths need."""
    names = ["b", ODD, "B", "a"]
    people = [
        (await admin.post("/users", {"name": n, "email": f"{i}@example.com"})).json() for i, n in enumerate(names)
    ]
    groups = [(await admin.post("/groups", {"name": name})).json()["id"] for name in names]
    collections = [(await admin.post("/collections", {"name": name})).json()["id"] for name in (*names, "b")]
    for number, person in enumerate(people):
        await admin.put(f"/groups/{groups[0]}/members/{person['id']}")
        await admin.post("/roles", {"name": f"role-{number}", "permissions": []})
        await admin.post("/api-keys", {"name": names[number], "scopes": []})
        await service.signed_in(admin.email)
        await linked(service, admin, f"admin {number}")
        await service.number()
    for number in range(4):
        text = "\n\n".join(f"{number} " + "one word after another " * 60 for _ in range(5))
        answer = await admin.post(f"/collections/{collections[0]}/documents", {"text": text})
    await service.ingest()
    for _ in range(3):
        await passkey_of(admin)
    return {"group_id": groups[0], "collection_id": collections[0], "document_id": answer.json()["document"]["id"]}


def key_of(item: Any) -> Any:
    return item.get("id") or item.get("name") or item["number"]


async def walked(caller: Caller, path: str) -> list[Any]:
    """All items of a list, page after page, by its links."""
    items: list[Any] = []
    while path:
        answer = await caller.get(path)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        path = answer.links.get("next", {}).get("url", "")
        assert bool(path) is (answer.json()["next_cursor"] is not None)
    return items


async def test_pages_of_any_length_make_up_the_list_in_every_order(furnished: Furnished) -> None:
    for listed in furnished.lists:
        for sort in listed.sorts:
            whole = (await furnished.admin.get(f"{listed.path}?limit=200&sort={sort}")).json()
            assert whole["next_cursor"] is None
            assert len(whole["items"]) >= 3, listed
            for limit in (1, 2, len(whole["items"])):
                assert await walked(furnished.admin, f"{listed.path}?limit={limit}&sort={sort}") == whole["items"]
            turned = (await furnished.admin.get(f"{listed.path}?limit=200&sort={sort.lstrip('-')}")).json()["items"]
            assert whole["items"] == (turned[::-1] if sort.startswith("-") else turned)
            keys = [key_of(item) for item in whole["items"]]
            assert len(set(keys)) == len(keys)
            if sort == listed.default:
                assert (await furnished.admin.get(f"{listed.path}?limit=200")).json() == whole


async def test_items_are_shown_as_the_resources_that_they_are(furnished: Furnished) -> None:
    paths = {operation.template for operation in described(furnished.service.app) if operation.method == "GET"}
    for listed in furnished.lists:
        for item in (await furnished.admin.get(listed.path)).json()["items"]:
            one = f"{listed.path}/{key_of(item)}"
            if any(path.startswith(f"{listed.path}/{{") and path.count("/") == one.count("/") for path in paths):
                assert (await furnished.admin.get(one)).json() == item


async def test_limits_and_orders_have_bounds(furnished: Furnished) -> None:
    for listed in furnished.lists:
        for query in (
            "limit=0",
            "limit=201",
            "limit=-1",
            "limit=",
            "limit=1e1",
            "limit=%D9%A1",
            "sort=",
            "sort=--name",
        ):
            problem = assert_problem(await furnished.admin.get(f"{listed.path}?{query}"), 422, "invalid")
            assert [item["pointer"] for item in problem["errors"]] == [query.partition("=")[0]]
        for sort in ("version", "id", "password_hash", f"-{CANARY}", "+created_at", "created_at,name", "Created_at"):
            if sort not in listed.sorts:
                assert_problem(await furnished.admin.get(listed.path, params={"sort": sort}), 422, "invalid")


async def test_a_cursor_is_good_for_its_list_and_order_alone(furnished: Furnished) -> None:
    admin = furnished.admin
    cursors: dict[str, str] = {}
    for listed in furnished.lists:
        for sort in listed.sorts:
            cursors[f"{listed.path}?sort={sort}"] = (await admin.get(f"{listed.path}?limit=1&sort={sort}")).json()[
                "next_cursor"
            ]
    for place, cursor in cursors.items():
        assert (await admin.get(f"{place}&cursor={cursor}&limit=7")).status_code == 200
    for place in cursors:
        for other, cursor in cursors.items():
            if place != other:
                assert_problem(await admin.get(f"{place}&cursor={cursor}"), 400, "cursor_invalid")
        for garbage in ("", CANARY, "AAAA", "=", "A" * 5000, "%C3%A9", cursors[place] + "=", cursors[place][1:]):
            assert_problem(await admin.get(f"{place}&cursor={garbage}"), 400, "cursor_invalid")


async def test_a_cursor_is_bound_to_filters_and_to_the_resource_in_the_path(furnished: Furnished) -> None:
    admin = furnished.admin
    (name,) = {urlsplit(one.path).path for one in furnished.lists if one.path.endswith("/documents")}
    cursor = (await admin.get(f"{name}?limit=1&status=ready")).json()["next_cursor"]
    assert (await admin.get(f"{name}?cursor={cursor}&status=ready")).status_code == 200
    other = (await admin.post("/collections", {"name": "other"})).json()["id"]
    for path, query in (
        (name, ""),
        (name, "&status=failed"),
        (name, "&status=ready&media_type=text/plain"),
        (name, "&media_type=ready"),
        (f"/collections/{other}/documents", "&status=ready"),
    ):
        assert_problem(await admin.get(f"{path}?cursor={cursor}{query}"), 400, "cursor_invalid")


async def test_a_cursor_may_be_handed_to_a_colleague_who_sees_what_he_may_see(furnished: Furnished) -> None:
    """It says where to go on, not what may be seen: binding it to its caller would protect nothing."""
    cursor = (await furnished.admin.get("/collections?limit=1")).json()["next_cursor"]
    editor = await furnished.service.person("editor")
    answer = await editor.get(f"/collections?cursor={cursor}")
    assert (answer.status_code, answer.json()["items"]) == (200, [])


async def test_a_cursor_is_good_in_every_process_of_its_installation_and_in_no_other(
    furnished: Furnished, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = shutil.copy(sqlite_template, tmp_path_factory.mktemp("cursors") / "fastops.db")
    async with a_service(sqlite_settings(file)) as one, a_service(sqlite_settings(file)) as other:
        admin = await one.person("admin")
        for name in "abc":
            await admin.post("/collections", {"name": name})
        cursor = (await admin.get("/collections?limit=1&sort=name")).json()["next_cursor"]
        path = f"/collections?sort=name&cursor={cursor}"
        there = await Caller(other.client, admin.headers).get(path)
        assert [item["name"] for item in there.json()["items"]] == ["b", "c"]
        assert_problem(await furnished.admin.get(path), 400, "cursor_invalid")
        elsewhere = (await furnished.admin.get("/collections?limit=1&sort=name")).json()["next_cursor"]
        assert_problem(await admin.get(f"/collections?sort=name&cursor={elsewhere}"), 400, "cursor_invalid")


@pytest.mark.parametrize("root_path", ["", "/mounted", "/a b/é"])
async def test_links_keep_the_filters_and_obey_the_place_of_the_service(furnished: Furnished, root_path: str) -> None:
    for _ in range(3):
        await furnished.admin.post("/collections", {"name": ODD})
    transport = ASGITransport(app=furnished.service.app, root_path=root_path)
    async with AsyncClient(transport=transport, base_url=BASE) as client:
        params = {"name": ODD, "q": ODD[3:], "limit": 2}
        answer = await client.get("/api/v1/collections", params=params, headers=furnished.admin.headers)
    (link,) = answer.headers.get_list("link")
    target, _, relation = link.partition(">")
    assert (target[0], relation) == ("<", '; rel="next"')
    assert target.isascii()
    assert not set(" \"'\\^`{|}<>") & set(target[1:])
    url = urlsplit(target[1:])
    assert url.path.endswith("/api/v1/collections")
    given = {**params, "limit": "2", "sort": "-created_at", "cursor": answer.json()["next_cursor"]}
    assert dict(parse_qsl(url.query, keep_blank_values=True, strict_parsing=True)) == given


async def test_the_last_page_names_no_next_one(furnished: Furnished) -> None:
    for listed in furnished.lists:
        answer = await furnished.admin.get(f"{listed.path}?limit=200")
        assert "link" not in answer.headers
        head = await furnished.admin("HEAD", f"{listed.path}?limit=1")
        assert 'rel="next"' in head.headers["link"]


names = st.sets(st.text("ab-", min_size=1, max_size=3), max_size=8)


@given(before=names, limit=st.integers(1, 4), descending=st.booleans(), changes=st.lists(st.tuples(names, names)))
async def test_short_lists_are_partitioned_too(
    before: set[str], limit: int, descending: bool, changes: list[tuple[set[str], set[str]]]
) -> None:
    """Roles and permissions lie in memory; names come and go between the pages."""
    there, kept, seen = set(before), set(before), list[str]()
    same: Callable[[str], str] = str
    query = ListQuery(limit, Sort("name", descending))
    while True:
        page = paged(sorted(there), same, query)
        seen += page.items
        if page.next is None:
            break
        come, go = changes.pop() if changes else (set(), set())
        there, kept = (there | come) - go, kept - go
        query = ListQuery(limit, query.sort, page.next)
    assert seen == sorted(set(seen), reverse=descending)
    assert kept <= set(seen)
