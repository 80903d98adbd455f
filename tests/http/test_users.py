"""Users over HTTP: the contract's verbs on every embedded store."""

from typing import Any

import pytest

from tests.http.service import Service

NEW: dict[str, Any] = {"name": "Ada Lovelace", "email": "Ada@Example.com", "password": "a very long secret sentence"}


async def test_a_user_is_created_shown_changed_and_deleted(stored: Service) -> None:
    admin = await stored.person("admin")
    made = await admin.post("/users", {**NEW, "roles": ["viewer"]})
    assert made.status_code == 201, made.text
    user = made.json()
    assert made.headers["location"] == f"/api/v1/users/{user['id']}"
    assert user["email"] == "ada@example.com"
    assert user["status"] == "active"
    assert user["roles"] == ["viewer"]
    assert user["email_verified"] is False
    assert user["created_at"].endswith("Z")
    assert "password" not in made.text

    seen = await admin.get(made.headers["location"])
    assert seen.json() == user
    assert seen.headers["etag"] == made.headers["etag"]

    changed = await admin.patch(
        made.headers["location"], {"name": "Ada King"}, headers={"If-Match": seen.headers["etag"]}
    )
    assert changed.status_code == 200, changed.text
    assert changed.json()["name"] == "Ada King"
    assert changed.json()["email"] == "ada@example.com"
    assert changed.headers["etag"] != seen.headers["etag"]

    gone = await admin.delete(made.headers["location"], headers={"If-Match": changed.headers["etag"]})
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await admin.get(made.headers["location"])).status_code == 404


async def test_an_address_belongs_to_one_account(stored: Service) -> None:
    admin = await stored.person("admin")
    assert (await admin.post("/users", NEW)).status_code == 201
    again = await admin.post("/users", {**NEW, "email": "ADA@example.com"})
    assert (again.status_code, again.json()["code"]) == (409, "email_taken")


async def test_disabling_shuts_out_and_enabling_lets_in(stored: Service) -> None:
    admin, person = await stored.person("admin"), await stored.person("viewer")
    assert (await admin.post(f"/users/{person.id}/disable")).json()["status"] == "disabled"
    assert (await person.get("/me")).status_code == 401
    again = await admin.post(f"/users/{person.id}/disable", {})
    assert (again.status_code, again.json()["code"]) == (409, "user_already_disabled")
    assert (await admin.post(f"/users/{person.id}/enable")).json()["status"] == "active"
    assert (await person.get("/me")).status_code == 401
    assert (await (await stored.signed_in(person.email)).get("/me")).status_code == 200


async def test_roles_are_given_and_taken(stored: Service) -> None:
    admin, person = await stored.person("admin"), await stored.person()
    assert (await person.get("/collections")).status_code == 403
    given = await admin.put(f"/users/{person.id}/roles/editor")
    assert given.json()["roles"] == ["editor"]
    assert (await admin.put(f"/users/{person.id}/roles/editor")).json()["version"] == given.json()["version"]
    assert (await person.get("/collections")).status_code == 200
    assert (await admin.delete(f"/users/{person.id}/roles/editor")).status_code == 204
    assert (await person.get("/collections")).status_code == 403
    assert (await admin.put(f"/users/{person.id}/roles/emperor")).status_code == 404


async def test_the_last_administrator_stays(stored: Service) -> None:
    admin = await stored.person("admin")
    for refused in (
        await admin.delete(f"/users/{admin.id}", headers={"If-Match": "*"}),
        await admin.patch(f"/users/{admin.id}", {"roles": []}, headers={"If-Match": "*"}),
        await admin.delete(f"/users/{admin.id}/roles/admin"),
        await admin.post(f"/users/{admin.id}/disable"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "last_admin")


@pytest.mark.parametrize("verb", ["PATCH", "DELETE"])
async def test_changes_need_the_state_they_were_made_for(stored: Service, verb: str) -> None:
    admin, person = await stored.person("admin"), await stored.person()
    path, body = f"/users/{person.id}", {"name": "Other"} if verb == "PATCH" else None
    missing = await admin(verb, path, body)
    assert (missing.status_code, missing.json()["code"]) == (428, "if_match_required")
    stale = await admin(verb, path, body, headers={"If-Match": '"stale"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    unknown = await admin(verb, "/users/019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70", body)
    assert unknown.status_code == 404
    stranger = await stored.person("viewer")
    assert (await stranger(verb, path, body)).status_code == 403
    assert (await stored.anonymous(verb, path, body)).status_code == 401
    assert (await admin(verb, path, body, headers={"If-Match": "*"})).status_code in {200, 204}


@pytest.mark.parametrize(
    ("member", "pointer", "code"),
    [
        ({"email": "no address"}, "/email", "email_invalid"),
        ({"name": ""}, "/name", "length"),
        ({"name": "a" * 201}, "/name", "length"),
        ({"name": 7}, "/name", "type"),
        ({"name": None}, "/name", "type"),
        ({"roles": "admin"}, "/roles", "type"),
        ({"roles": [1]}, "/roles/0", "type"),
        ({"kind": "robot"}, "/kind", "not_allowed"),
        ({"status": "disabled"}, "", "unknown_member"),
        ({"id": "019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70"}, "", "unknown_member"),
        ({"email_verified": True}, "", "unknown_member"),
        ({"version": 7}, "", "unknown_member"),
    ],
)
async def test_what_breaks_a_rule_is_located(service: Service, member: Any, pointer: str, code: str) -> None:
    admin = await service.person("admin")
    refused = await admin.post("/users", {**NEW, **member})
    assert refused.status_code == 422, refused.text
    assert [(item["pointer"], item["code"]) for item in refused.json()["errors"]] == [(pointer, code)]


async def test_a_patch_is_a_merge_patch(service: Service) -> None:
    admin, person = await service.person("admin"), await service.person("viewer")
    path, always = f"/users/{person.id}", {"If-Match": "*"}
    merge = {**always, "Content-Type": "application/merge-patch+json"}
    same = await admin("PATCH", path, content=b"{}", headers=merge)
    assert (same.status_code, same.json()["roles"]) == (200, ["viewer"])
    removed = await admin.patch(path, {"name": None}, headers=always)
    assert (removed.status_code, removed.json()["errors"][0]["pointer"]) == (422, "/name")
    for foreign in ({"id": person.id}, {"version": 1}, {"status": "disabled"}, {"password": "x"}, {"kind": "service"}):
        refused = await admin.patch(path, foreign, headers=always)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "unknown_member")
    assert (await admin("PATCH", path, content=b"[]", headers=merge)).status_code == 422


async def test_the_list_filters_and_sorts(stored: Service) -> None:
    admin = await stored.person("admin")
    people = [await stored.person("viewer") for _ in range(3)]
    listed = (await admin.get("/users?sort=created_at&role=viewer")).json()["items"]
    assert [user["id"] for user in listed] == [person.id for person in people]
    for email in (people[1].email, f" {people[1].email.upper()} "):
        found = (await admin.get("/users", params={"email": email})).json()["items"]
        assert [user["id"] for user in found] == [people[1].id]
    await admin.post(f"/users/{people[2].id}/disable")
    disabled = (await admin.get("/users?status=disabled")).json()["items"]
    assert [user["id"] for user in disabled] == [people[2].id]
    assert len((await admin.get("/users?q=person")).json()["items"]) == 4
    assert (await admin.get("/users?status=asleep")).status_code == 422


async def test_an_id_that_is_none_names_nothing(service: Service) -> None:
    admin = await service.person("admin")
    for name in (
        "1",
        "me",
        "%00",
        "019a3c4e7b107cc39d5e2f6a8b1c4d70",
        "{019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70}",
        "%ff",
        "%zz",
    ):
        refused = await admin.get(f"/users/{name}")
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found"), name
