"""Lists are paged by keyset: what was there before the first page comes exactly once, whatever happens meanwhile."""

import pytest

from tests.http.service import Caller, Service
from tests.http.test_collections import made_by
from tests.http.test_problems import assert_problem


async def all_of(caller: Caller, path: str) -> list[str]:
    """Every id of a list, page after page, by its Link."""
    ids: list[str] = []
    while path:
        answer = await caller.get(path)
        assert answer.status_code == 200, answer.text
        ids += [item["id"] for item in answer.json()["items"]]
        link = answer.links.get("next", {}).get("url", "")
        assert bool(link) is (answer.json()["next_cursor"] is not None)
        assert not link or answer.json()["next_cursor"] in link
        path = link
    return ids


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "name", "-name"])
async def test_each_row_comes_once_while_others_are_added_and_removed(stored: Service, sort: str) -> None:
    editor = await stored.person("editor")
    made = [await made_by(editor, name=f"c{number % 3} {number}") for number in range(7)]
    first = await editor.get(f"/collections?limit=2&sort={sort}")
    seen = [item["id"] for item in first.json()["items"]]
    await made_by(editor, name="zz later")
    await made_by(editor, name="aa later")
    gone = next(collection["id"] for collection in made if collection["id"] not in seen)
    await editor.delete(f"/collections/{gone}", headers={"If-Match": "*"})
    rest = await all_of(editor, first.links["next"]["url"])
    before = [collection["id"] for collection in made if collection["id"] != gone]
    assert len(set(seen + rest)) == len(seen + rest)
    assert set(before) <= set(seen + rest)
    kept = [collection for collection in made if collection["id"] != gone]
    ordered = sorted(kept, key=lambda one: (one[sort.lstrip("-")], one["id"]), reverse=sort.startswith("-"))
    assert [one for one in seen + rest if one in before] == [one["id"] for one in ordered]


async def test_the_last_page_has_no_next_one(stored: Service) -> None:
    editor = await stored.person("editor")
    for _ in range(4):
        await made_by(editor)
    assert len(await all_of(editor, "/collections?limit=2")) == 4
    assert len(await all_of(editor, "/collections?limit=4")) == 4
    assert len(await all_of(editor, "/collections?limit=200")) == 4
    empty = (await (await stored.person("editor")).get("/collections")).json()
    assert empty == {"items": [], "next_cursor": None}


async def test_a_cursor_belongs_to_its_list_filter_and_sort(service: Service) -> None:
    admin = await service.person("admin")
    for _ in range(3):
        await service.person("viewer")
    cursor = (await admin.get("/users?limit=1&role=viewer")).json()["next_cursor"]
    assert (await admin.get("/users", params={"cursor": cursor, "role": "viewer", "limit": 100})).status_code == 200
    for params in (
        {"cursor": cursor},
        {"cursor": cursor, "role": "admin"},
        {"cursor": cursor, "role": "viewer", "sort": "created_at"},
        {"cursor": cursor, "role": "viewer", "q": "a"},
        {"cursor": cursor[:-1], "role": "viewer"},
        {"cursor": cursor.swapcase(), "role": "viewer"},
        {"cursor": "", "role": "viewer"},
    ):
        assert_problem(await admin.get("/users", params=params), 400, "cursor_invalid")
    assert_problem(await admin.get("/collections", params={"cursor": cursor}), 400, "cursor_invalid")


async def test_filters_stay_in_the_link(service: Service) -> None:
    admin = await service.person("admin")
    for _ in range(5):
        await service.person("viewer")
    assert len(await all_of(admin, "/users?limit=2&role=viewer&sort=name&q=person")) == 5
    await service.number()
    begin = "/audit-events?limit=2&from=2020-01-01T00:00:00%2B01:00&action=user.create&target_type=user"
    assert len(await all_of(admin, begin)) == 6


async def test_short_lists_are_paged_alike(service: Service) -> None:
    admin = await service.person("admin")
    first = (await admin.get("/roles?limit=2")).json()
    second = (await admin.get("/roles", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    names = [role["name"] for role in first["items"] + second["items"]]
    assert (names, second["next_cursor"]) == (["admin", "editor", "viewer"], None)
    turned = (await admin.get("/roles?sort=-name")).json()["items"]
    assert [role["name"] for role in turned] == names[::-1]
    permissions = (await admin.get("/permissions?limit=200")).json()["items"]
    assert {"name": "users:read"} in permissions
    assert_problem(await admin.get("/roles/emperor"), 404, "not_found")
    role = await admin.get("/roles/viewer")
    assert (await admin.get("/roles/viewer", headers={"If-None-Match": role.headers["etag"]})).status_code == 304


@pytest.mark.parametrize(
    "path", ["/users", "/collections", "/jobs", "/api-keys", "/audit-events", "/roles", "/me/sessions"]
)
async def test_every_list_takes_the_same_parameters(service: Service, path: str) -> None:
    admin = await service.person("admin")
    assert (await admin.get(f"{path}?limit=1")).json().keys() == {"items", "next_cursor"}
    for wrong in ("limit=0", "limit=201", "sort=password_hash", "sort=", "offset=1", "limit=1&limit=2"):
        assert_problem(await admin.get(f"{path}?{wrong}"), 422, "invalid")
    for wrong in ("sort=%", "q=%ff"):
        assert_problem(await admin.get(f"{path}?{wrong}"), 400, "malformed_query")
