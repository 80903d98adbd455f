"""Lists are paged by keyset: what was there before the first page comes exactly once, whatever happens meanwhile."""

import pytest

from tests.http.service import Caller, Service
from tests.http.test_collections import made_by


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


async def test_filters_stay_in_the_link(service: Service) -> None:
    admin = await service.person("admin")
    for _ in range(5):
        await service.person("viewer")
    assert len(await all_of(admin, "/users?limit=2&role=viewer&sort=name&q=person")) == 5
    await service.number()
    begin = "/audit-events?limit=2&from=2020-01-01T00:00:00%2B01:00&action=user.create&target_type=user"
    assert len(await all_of(admin, begin)) == 6
