"""API keys: shown once, never wider than their owner, rotated with an overlap, revoked at once."""

import re

from tests.http.service import Caller, Service
from tests.http.test_problems import assert_problem


async def test_the_secret_is_shown_once(stored: Service) -> None:
    person = await stored.person("editor")
    made = await person.post("/api-keys", {"name": "import", "scopes": ["documents:write", "search"]})
    assert made.status_code == 201
    key = made.json()
    assert re.fullmatch(r"fo_[A-Za-z0-9_-]+", key["secret"])
    assert key["scopes"] == ["documents:write", "search"]
    shown = await person.get(f"/api-keys/{key['id']}")
    assert "secret" not in shown.json()
    assert shown.headers["etag"] == made.headers["etag"]
    listed = await person.get("/api-keys")
    assert key["secret"] not in listed.text
    assert [item["id"] for item in listed.json()["items"]] == [key["id"]]
    for headers in ({"Authorization": f"Bearer {key['secret']}"}, {"X-API-Key": key["secret"]}):
        assert (await Caller(stored.client, headers).get("/me")).json()["id"] == person.id


async def test_scopes_never_exceed_the_owner(stored: Service) -> None:
    viewer = await stored.person("viewer")
    refused = await viewer.post("/api-keys", {"name": "k", "scopes": ["users:read"]})
    assert_problem(refused, 403, "scope_not_held")
    unknown = await viewer.post("/api-keys", {"name": "k", "scopes": ["everything"]})
    assert assert_problem(unknown, 422, "invalid")["errors"][0]["pointer"] == "/scopes/0"
    admin = await stored.person("admin")
    key = await stored.key_of(admin, "users:read")
    assert (await key.get("/users")).status_code == 200
    assert (await key.post("/users", {"name": "a", "email": "a@example.com"})).status_code == 403


async def test_a_key_stops_with_its_owner_its_expiry_and_its_revocation(stored: Service) -> None:
    admin, person = await stored.person("admin"), await stored.person("viewer")
    key = await stored.key_of(person, "search")
    assert (await key.get("/me")).status_code == 200
    await admin.post(f"/users/{person.id}/disable")
    assert (await key.get("/me")).status_code == 401
    await admin.post(f"/users/{person.id}/enable")
    person = await stored.signed_in(person.email, person.id)
    past = await person.post("/api-keys", {"name": "k", "scopes": [], "expires_at": "2020-01-01T00:00:00Z"})
    assert assert_problem(past, 422, "invalid")["errors"][0]["pointer"] == "/expires_at"
    (item,) = (await person.get("/api-keys")).json()["items"]
    assert (await person.delete(f"/api-keys/{item['id']}")).status_code == 204
    assert (await key.get("/me")).status_code == 401
    assert_problem(await person.get(f"/api-keys/{item['id']}"), 404, "not_found")


async def test_others_keys_are_not_there(stored: Service) -> None:
    person, other = await stored.person("viewer"), await stored.person("viewer")
    made = (await person.post("/api-keys", {"name": "k", "scopes": []})).json()
    for answer in (
        await other.get(f"/api-keys/{made['id']}"),
        await other.patch(f"/api-keys/{made['id']}", {"name": "mine"}),
        await other.delete(f"/api-keys/{made['id']}"),
        await other.post(f"/api-keys/{made['id']}/rotate"),
    ):
        assert_problem(answer, 404, "not_found")
    assert (await other.get("/api-keys")).json()["items"] == []


async def test_rotation_keeps_the_old_secret_for_the_stated_overlap(stored: Service) -> None:
    person = await stored.person("viewer")
    made = (await person.post("/api-keys", {"name": "k", "scopes": ["search"]})).json()
    old = Caller(stored.client, {"X-API-Key": made["secret"]})
    rotated = await person.post(f"/api-keys/{made['id']}/rotate", {"overlap_seconds": 60})
    assert rotated.status_code == 200
    new = Caller(stored.client, {"X-API-Key": rotated.json()["secret"]})
    assert [(await key.get("/me")).status_code for key in (old, new)] == [200, 200]
    last = await person.post(f"/api-keys/{made['id']}/rotate", {"overlap_seconds": 0})
    newest = Caller(stored.client, {"X-API-Key": last.json()["secret"]})
    assert [(await key.get("/me")).status_code for key in (old, new, newest)] == [401, 401, 200]
    assert (await person.post(f"/api-keys/{made['id']}/rotate")).status_code == 200
    wrong = await person.post(f"/api-keys/{made['id']}/rotate", {"overlap_seconds": -1})
    assert_problem(wrong, 422, "invalid")


async def test_a_key_is_changed_by_merge_patch(stored: Service) -> None:
    person = await stored.person("viewer")
    body = {
        "name": "k",
        "scopes": ["search"],
        "expires_at": "2099-01-01T00:00:00+02:00",
        "allowed_cidrs": ["10.0.0.0/8"],
    }
    made = await person.post("/api-keys", body)
    assert made.json()["expires_at"] == "2098-12-31T22:00:00Z"
    path = f"/api-keys/{made.json()['id']}"
    changed = await person.patch(path, {"expires_at": None, "name": "other"})
    assert changed.status_code == 200, changed.text
    assert changed.json() | {"updated_at": "", "version": 0} == {
        **{name: value for name, value in made.json().items() if name != "secret"},
        "expires_at": None,
        "name": "other",
        "updated_at": "",
        "version": 0,
    }
    stale = await person.patch(path, {"name": "x"}, headers={"If-Match": made.headers["etag"]})
    assert_problem(stale, 412, "stale_version")
    same = await person.patch(path, {"expires_at": "2099-01-01T00:00:00Z"})
    assert (await person.patch(path, {"name": "again"})).json()["expires_at"] == same.json()["expires_at"]
    wrong = await person.patch(path, {"allowed_cidrs": ["10.0.0.0/99"]})
    assert_problem(wrong, 422, "invalid")
    elsewhere = Caller(stored.client, {"X-API-Key": made.json()["secret"]})
    assert (await elsewhere.get("/me")).status_code == 401


async def test_administrators_make_keys_for_service_accounts_and_for_nobody_else(stored: Service) -> None:
    admin, person = await stored.person("admin"), await stored.person("viewer")
    body = {"name": "Importer", "email": "importer@example.com", "kind": "service", "roles": ["viewer"]}
    robot = (await admin.post("/users", body)).json()["id"]
    made = await admin.post("/api-keys", {"name": "k", "scopes": ["search"], "owner_id": robot})
    assert (made.status_code, made.json()["owner_id"]) == (201, robot)
    key = Caller(stored.client, {"X-API-Key": made.json()["secret"]})
    assert (await key.get("/me")).json()["id"] == robot
    too_much = await admin.post("/api-keys", {"name": "k", "scopes": ["users:read"], "owner_id": robot})
    assert_problem(too_much, 403, "scope_not_held")
    for owner in (person.id, "019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70"):
        refused = await admin.post("/api-keys", {"name": "k", "scopes": [], "owner_id": owner})
        assert_problem(refused, 404, "service_account_not_found")
    refused = await person.post("/api-keys", {"name": "k", "scopes": [], "owner_id": robot})
    assert_problem(refused, 404, "service_account_not_found")
    rotated = await admin.post(f"/api-keys/{made.json()['id']}/rotate", {"overlap_seconds": 0})
    assert rotated.status_code == 200
    assert_problem(await key.get("/me"), 401, "invalid_token")
    theirs = await stored.key_of(person, "search")
    listed = (await person.get("/api-keys")).json()["items"][0]["id"]
    assert_problem(await admin.post(f"/api-keys/{listed}/rotate"), 403, "forbidden")
    assert (await theirs.get("/me")).status_code == 200
