"""Collections and their grants over HTTP."""

from typing import Any

from tests.http.service import Caller, Service
from tests.http.test_problems import assert_problem


async def made_by(caller: Caller, **members: Any) -> dict[str, Any]:
    answer = await caller.post("/collections", {"name": "Handbook", **members})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def grant(level: str, person: Caller | None = None) -> dict[str, Any]:
    subject = {"type": "user", "id": person.id} if person else {"type": "everyone"}
    return {"subject": subject, "level": level}


async def grant_to(manager: Caller, collection: str, *grants: dict[str, Any]) -> None:
    body = {"grants": [grant("manage", manager), *grants]}
    answer = await manager.put(f"/collections/{collection}/grants", body, headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.text


async def test_a_collection_lives(stored: Service) -> None:
    editor = await stored.person("editor")
    made = await editor.post("/collections", {"name": " Handbook ", "metadata": {"a": {"b": [1, None]}}})
    assert made.status_code == 201
    collection = made.json()
    assert (collection["name"], collection["description"]) == ("Handbook", "")
    path = made.headers["location"]
    patch = {"description": "How we work.", "metadata": {"a": {"b": None, "c": 1}, "d": 1}}
    changed = await editor.patch(path, patch, headers={"If-Match": made.headers["etag"]})
    assert changed.json()["metadata"] == {"a": {"c": 1}, "d": 1}
    assert changed.json()["name"] == "Handbook"
    emptied = await editor.patch(path, {"metadata": None, "description": None}, headers={"If-Match": "*"})
    assert (emptied.json()["metadata"], emptied.json()["description"]) == ({}, "")
    assert_problem(await editor.patch(path, {"name": None}, headers={"If-Match": "*"}), 422, "invalid")
    assert (await editor.delete(path, headers={"If-Match": emptied.headers["etag"]})).status_code == 204
    assert_problem(await editor.get(path), 404, "not_found")


async def test_what_is_not_granted_is_not_there(stored: Service) -> None:
    editor, stranger, admin = [await stored.person(role) for role in ("editor", "editor", "admin")]
    path = f"/collections/{(await made_by(editor))['id']}"
    always = {"If-Match": "*"}
    for answer in (
        await stranger.get(path),
        await stranger.get(f"{path}/grants"),
        await stranger.get(f"{path}/documents"),
        await stranger.patch(path, {"name": "mine"}, headers=always),
        await stranger.patch(path, {"name": "mine"}),
        await stranger.delete(path, headers=always),
        await stranger.delete(path),
        await stranger.put(f"{path}/grants", {"grants": []}, headers=always),
        await stranger.put(f"{path}/grants", {"grants": []}, headers={"If-Match": '"x"'}),
        await stranger.post(f"{path}/documents", {"text": "t"}),
    ):
        assert_problem(answer, 404, "not_found")
    assert (await stranger.get("/collections")).json()["items"] == []
    assert (await admin.get(path)).status_code == 200


async def test_levels_let_through_what_they_say(stored: Service) -> None:
    manager, reader, writer = [await stored.person("editor") for _ in range(3)]
    collection = (await made_by(manager))["id"]
    path = f"/collections/{collection}"
    await grant_to(manager, collection, grant("read", reader), grant("write", writer))
    for caller, may_write in ((reader, False), (writer, True)):
        assert (await caller.get(path)).status_code == 200
        handed_in = await caller.post(f"{path}/documents", {"text": f"by {caller.email}"})
        assert handed_in.status_code == (202 if may_write else 403)
        for answer in (
            await caller.patch(path, {"name": "x"}),
            await caller.delete(path),
            await caller.put(f"{path}/grants", {"grants": []}, headers={"If-Match": '"stale"'}),
        ):
            assert_problem(answer, 403, "level_missing")
    everyone = await stored.person("viewer")
    assert (await everyone.get(path)).status_code == 404
    await grant_to(manager, collection, grant("read"))
    assert (await everyone.get(path)).status_code == 200
    assert (await writer.post(f"{path}/documents", {"text": "t"})).status_code == 403


async def test_grants_go_both_ways_in_one_form(stored: Service) -> None:
    manager, reader = await stored.person("editor"), await stored.person("viewer")
    path = f"/collections/{(await made_by(manager))['id']}/grants"
    seen = await manager.get(path)
    assert seen.json() == {"grants": [{"subject": {"type": "user", "id": manager.id}, "level": "manage"}]}
    body = {"grants": [*seen.json()["grants"], {"subject": {"type": "everyone", "id": None}, "level": "read"}]}
    changed = await manager.put(path, body, headers={"If-Match": seen.headers["etag"]})
    assert changed.status_code == 200, changed.text
    same = await manager.put(path, changed.json(), headers={"If-Match": changed.headers["etag"]})
    assert same.json() == changed.json()
    assert_problem(await manager.put(path, body), 428, "if_match_required")
    assert_problem(await manager.put(path, body, headers={"If-Match": seen.headers["etag"]}), 412, "stale_version")
    always = {"If-Match": "*"}
    last = await manager.put(path, {"grants": [grant("write", manager)]}, headers=always)
    assert_problem(last, 409, "last_manager")
    for wrong, pointer in (
        ({"subject": {"type": "user"}, "level": "read"}, "/grants/0/subject/id"),
        ({"subject": {"type": "group", "id": reader.id}, "level": "read"}, "/grants/0/subject/id"),
        ({"subject": {"type": "robot", "id": reader.id}, "level": "read"}, "/grants/0/subject/type"),
        ({"subject": {"type": "user", "id": "x"}, "level": "read"}, "/grants/0/subject/id"),
        ({"subject": {"type": "user", "id": manager.id}, "level": "own"}, "/grants/0/level"),
        ({"subject": {"type": "everyone"}, "level": "read", "x": 1}, "/grants/0"),
    ):
        refused = await manager.put(path, {"grants": [wrong, grant("manage", manager)]}, headers=always)
        assert assert_problem(refused, 422, "invalid")["errors"][0]["pointer"] == pointer


async def test_the_list_shows_what_one_may_read(stored: Service) -> None:
    manager, viewer = await stored.person("editor"), await stored.person("viewer")
    first, second = await made_by(manager, name="Alpha"), await made_by(manager, name="Beta")
    await grant_to(manager, second["id"], grant("read", viewer))
    names = [item["name"] for item in (await manager.get("/collections?sort=name")).json()["items"]]
    assert names == ["Alpha", "Beta"]
    assert [item["id"] for item in (await viewer.get("/collections")).json()["items"]] == [second["id"]]
    found = (await manager.get("/collections", params={"name": "Alpha"})).json()["items"]
    assert [item["id"] for item in found] == [first["id"]]


async def test_a_key_that_may_only_write_can_change_what_it_may_not_list(service: Service) -> None:
    editor = await service.person("editor")
    path = f"/collections/{(await made_by(editor))['id']}"
    key = await service.key_of(editor, "collections:write")
    assert_problem(await key.get(path), 403, "forbidden")
    assert (await key.patch(path, {"name": "Other"}, headers={"If-Match": "*"})).status_code == 200
    assert (await key.delete(path, headers={"If-Match": "*"})).status_code == 204
