"""Groups: what is granted to one is granted to its members, from the moment they join until they leave."""

from tests.http.service import Caller, Service
from tests.http.test_collections import made_by
from tests.http.test_problems import assert_problem

ANY = {"headers": {"If-Match": "*"}}


async def a_group(boss: Caller, name: str = "Research") -> str:
    answer = await boss.post("/groups", {"name": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def granted(manager: Caller, collection_id: str, group_id: str, level: str = "read") -> None:
    grants = [
        {"subject": {"type": "group", "id": group_id}, "level": level},
        {"subject": {"type": "user", "id": manager.id}, "level": "manage"},
    ]
    answer = await manager.put(f"/collections/{collection_id}/grants", {"grants": grants}, **ANY)
    assert answer.status_code == 200, answer.text


async def test_a_group_is_made_changed_and_deleted(stored: Service) -> None:
    admin = await stored.person("admin")
    created = await admin.post("/groups", {"name": "Research", "description": "All of us."})
    group = created.json()
    assert (group["member_count"], group["version"]) == (0, 1)
    path = f"/groups/{group['id']}"
    assert created.headers["location"] == f"/api/v1{path}"
    assert_problem(await admin.post("/groups", {"name": "Research"}), 409, "group_name_taken")
    assert_problem(await admin.patch(path, {"name": "Lab"}), 428, "if_match_required")
    changed = await admin.patch(path, {"name": "Lab"}, headers={"If-Match": created.headers["etag"]})
    assert (changed.json()["name"], changed.json()["description"]) == ("Lab", "All of us.")
    assert_problem(await admin.delete(path, headers={"If-Match": created.headers["etag"]}), 412, "stale_version")
    assert [item["name"] for item in (await admin.get("/groups?q=la&sort=name")).json()["items"]] == ["Lab"]
    assert (await admin.delete(path, **ANY)).status_code == 204
    assert_problem(await admin.get(path), 404, "not_found")


async def test_members_come_and_go(stored: Service) -> None:
    admin, ada, eve = await stored.person("admin"), await stored.person(), await stored.person()
    group = await a_group(admin)
    for person in (ada, ada, eve):
        answer = await admin.put(f"/groups/{group}/members/{person.id}")
        assert answer.status_code == 200
    assert answer.json()["member_count"] == 2
    listed = (await admin.get(f"/groups/{group}/members?sort=email")).json()["items"]
    assert [user["id"] for user in listed] == [ada.id, eve.id]
    assert (await admin.delete(f"/groups/{group}/members/{ada.id}")).status_code == 204
    assert (await admin.delete(f"/groups/{group}/members/{ada.id}")).status_code == 204
    assert [item["id"] for item in (await admin.get(f"/groups?member={eve.id}")).json()["items"]] == [group]
    assert (await admin.get(f"/groups?member={ada.id}")).json()["items"] == []
    assert_problem(await admin.put(f"/groups/{group}/members/{group}"), 404, "not_found")
    await admin.delete(f"/users/{eve.id}", **ANY)
    assert (await admin.get(f"/groups/{group}")).json()["member_count"] == 0


async def test_what_is_granted_to_a_group_is_granted_to_its_members(stored: Service) -> None:
    admin, manager, member = await stored.person("admin"), await stored.person("editor"), await stored.person("editor")
    group, collection = await a_group(admin), (await made_by(manager))["id"]
    await granted(manager, collection, group)
    assert_problem(await member.get(f"/collections/{collection}"), 404, "not_found")
    await admin.put(f"/groups/{group}/members/{member.id}")
    assert (await member.get(f"/collections/{collection}")).status_code == 200
    assert [item["id"] for item in (await member.get("/collections")).json()["items"]] == [collection]
    document = {"title": "t", "text": "Quiet horses read."}
    path = f"/collections/{collection}/documents"
    assert_problem(await member.post(path, document), 403, "level_missing")
    await granted(manager, collection, group, "write")
    assert (await member.post(path, document)).status_code == 202
    await stored.ingest()
    assert (await member.post("/search", {"query": "horses"})).json()["items"]
    await admin.delete(f"/groups/{group}", **ANY)
    assert_problem(await member.get(f"/collections/{collection}"), 404, "not_found")
    assert (await member.post("/search", {"query": "horses"})).json()["items"] == []


async def test_why_somebody_can_or_cannot_see_a_document(stored: Service) -> None:
    admin, manager = await stored.person("admin"), await stored.person("editor")
    member, outsider = await stored.person("viewer"), await stored.person()
    group, collection = await a_group(admin), (await made_by(manager))["id"]
    await granted(manager, collection, group)
    await admin.put(f"/groups/{group}/members/{member.id}")
    body = {"title": "t", "text": "Quiet horses read."}
    submitted = await manager.post(f"/collections/{collection}/documents", body)
    path = f"/documents/{submitted.json()['document']['id']}/access"
    own = (await member.get(path)).json()
    assert (own["readable"], own["level"], own["missing"]) == (True, "read", [])
    assert own["paths"] == [{"via": "group", "subject_id": group, "level": "read"}]
    assert (await manager.get(path, params={"user_id": member.id})).json() == own
    asked = (await manager.get(path, params={"user_id": outsider.id})).json()
    assert (asked["readable"], asked["level"], asked["paths"]) == (False, None, [])
    assert asked["missing"] == ["documents:read", "search", "answers"]
    boss = (await manager.get(path, params={"user_id": admin.id})).json()
    assert boss["paths"] == [{"via": "role", "subject_id": None, "level": "manage"}]
    assert_problem(await member.get(path, params={"user_id": manager.id}), 403, "level_missing")
    stranger = await stored.person("viewer")
    assert_problem(await stranger.get(path), 404, "not_found")
    assert_problem(await manager.get(path, params={"user_id": group}), 404, "not_found")
