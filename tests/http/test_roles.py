"""Custom roles: made, given, changed and taken, by nobody beyond his own rights, in force at once."""

from typing import Any

from tests.http.service import Caller, Service
from tests.http.test_problems import assert_problem

READING = {"name": "reader-plus", "description": "Reads users too.", "permissions": ["users:read", "search"]}
ANY = {"headers": {"If-Match": "*"}}


async def made(boss: Caller, **others: Any) -> Any:
    answer = await boss.post("/roles", {**READING, **others})
    assert answer.status_code == 201, answer.text
    return answer


async def test_a_role_is_made_given_changed_taken_and_deleted(stored: Service) -> None:
    admin, person = await stored.person("admin"), await stored.person()
    created = await made(admin)
    assert created.headers["location"] == "/api/v1/roles/reader-plus"
    assert created.json() == {**READING, "permissions": ["search", "users:read"], "every_collection": False} | {
        "built_in": False
    }
    assert (await person.get("/users")).status_code == 403
    assert (await admin.put(f"/users/{person.id}/roles/reader-plus")).status_code == 200
    assert (await person.get("/users")).status_code == 200
    seen = await admin.get("/roles/reader-plus")
    assert seen.headers["etag"] == created.headers["etag"]
    changed = await admin.patch(
        "/roles/reader-plus", {"permissions": ["search"]}, headers={"If-Match": seen.headers["etag"]}
    )
    assert (changed.status_code, changed.json()["permissions"]) == (200, ["search"])
    assert (await person.get("/users")).status_code == 403
    assert_problem(await admin.delete("/roles/reader-plus", **ANY), 409, "role_in_use")
    assert (await admin.delete(f"/users/{person.id}/roles/reader-plus")).status_code == 204
    assert (await admin.delete("/roles/reader-plus", **ANY)).status_code == 204
    assert_problem(await admin.get("/roles/reader-plus"), 404, "not_found")
    assert_problem(await admin.put(f"/users/{person.id}/roles/reader-plus"), 404, "not_found")


async def test_scopes_of_keys_follow_custom_roles(stored: Service) -> None:
    admin, person = await stored.person("admin"), await stored.person()
    await made(admin, name="keeper", permissions=["api-keys", "users:read"])
    await admin.put(f"/users/{person.id}/roles/keeper")
    key = await stored.key_of(person, "users:read")
    assert (await key.get("/users")).status_code == 200
    await admin.delete(f"/users/{person.id}/roles/keeper")
    assert_problem(await key.get("/users"), 403, "forbidden")


async def test_all_roles_are_listed_by_name_and_paged(stored: Service) -> None:
    admin = await stored.person("admin")
    for name in ("zoo", "aardvark"):
        await made(admin, name=name)
    first = (await admin.get("/roles?limit=2")).json()
    assert [role["name"] for role in first["items"]] == ["aardvark", "admin"]
    rest = (await admin.get(f"/roles?limit=200&cursor={first['next_cursor']}")).json()
    assert [role["name"] for role in rest["items"]] == ["editor", "viewer", "zoo"]


async def test_nobody_grants_or_takes_what_he_does_not_hold(stored: Service) -> None:
    admin, lesser = await stored.person("admin"), await stored.person()
    await made(admin, name="role-keeper", permissions=["roles:read", "roles:write", "users:write", "search"])
    await made(admin, name="strong", permissions=["audit:read"])
    await admin.put(f"/users/{lesser.id}/roles/role-keeper")
    refused = await lesser.post("/roles", {"name": "mine", "permissions": ["audit:read"]})
    assert_problem(refused, 403, "rights_not_held")
    for body in ({"permissions": ["audit:read", "users:read"]}, {"permissions": []}):
        assert_problem(await lesser.patch("/roles/strong", body, **ANY), 403, "rights_not_held")
    assert_problem(await lesser.delete("/roles/strong", **ANY), 403, "rights_not_held")
    assert_problem(await lesser.put(f"/users/{lesser.id}/roles/strong"), 403, "rights_not_held")
    assert (await lesser.patch("/roles/strong", {"description": "Other words."}, **ANY)).status_code == 200
    assert (await lesser.post("/roles", {"name": "mine", "permissions": ["search"]})).status_code == 201


async def test_names_are_slugs_and_unique_and_built_in_roles_stay(service: Service) -> None:
    admin = await service.person("admin")
    await made(admin)
    assert_problem(await admin.post("/roles", READING), 409, "role_name_taken")
    for name in ("admin", "viewer"):
        assert_problem(await admin.post("/roles", {**READING, "name": name}), 409, "role_name_taken")
        assert_problem(await admin.patch(f"/roles/{name}", {"description": "x"}, **ANY), 409, "role_built_in")
        assert_problem(await admin.patch(f"/roles/{name}", {"description": "x"}), 428, "if_match_required")
        stale = {"If-Match": '"other"'}
        assert_problem(await admin.delete(f"/roles/{name}", headers=stale), 412, "stale_version")
        assert_problem(await admin.delete(f"/roles/{name}", **ANY), 409, "role_built_in")
    for name in ("", "Big", "1st", "a b", "ä", "a" * 65, "a/b"):
        assert_problem(await admin.post("/roles", {**READING, "name": name}), 422, "invalid")
    assert_problem(await admin.post("/roles", {**READING, "permissions": ["everything"]}), 422, "invalid")
    assert_problem(await admin.patch("/roles/reader-plus", {"name": "other"}, **ANY), 422, "invalid")


async def test_a_role_that_nobody_made_can_be_given_to_nobody(stored: Service) -> None:
    admin = await stored.person("admin")
    body = {"name": "Eve", "email": "eve@example.com", "roles": ["no-such-role"]}
    assert_problem(await admin.post("/users", body), 422, "unknown_role")
    await made(admin)
    assert (await admin.post("/users", {**body, "roles": ["reader-plus", "viewer"]})).status_code == 201
    found = (await admin.get("/users?role=reader-plus")).json()["items"]
    assert [user["email"] for user in found] == ["eve@example.com"]
