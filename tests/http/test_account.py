"""One's own account: seen, changed, its password and its sessions."""

from tests.http.service import PASSWORD, Service
from tests.http.test_problems import assert_problem

NEW_PASSWORD = "an otter under the bridge"


async def test_everybody_sees_and_renames_oneself(stored: Service) -> None:
    person = await stored.person()
    seen = await person.get("/me")
    assert seen.json()["email"] == person.email
    assert (await person.get("/me", headers={"If-None-Match": seen.headers["etag"]})).status_code == 304
    changed = await person.patch("/me", {"name": "Ada"})
    assert (changed.status_code, changed.json()["name"]) == (200, "Ada")
    stale = await person.patch("/me", {"name": "Eve"}, headers={"If-Match": seen.headers["etag"]})
    assert_problem(stale, 412, "stale_version")


async def test_nobody_gives_oneself_rights(service: Service) -> None:
    person = await service.person("viewer")
    for member in ({"roles": ["admin"]}, {"status": "active"}, {"email_verified": True}, {"kind": "service"}):
        assert_problem(await person.patch("/me", member), 422, "invalid")
    assert (await person.get("/me")).json()["roles"] == ["viewer"]


async def test_a_new_password_needs_the_current_one_and_ends_the_other_sessions(stored: Service) -> None:
    person = await stored.person("viewer")
    elsewhere = await stored.signed_in(person.email)
    wrong = await person.put("/me/password", {"current_password": "x", "new_password": NEW_PASSWORD})
    assert assert_problem(wrong, 422, "password_refused")["errors"][0]["pointer"] == "/current_password"
    short = await person.put("/me/password", {"current_password": PASSWORD, "new_password": "short"})
    assert assert_problem(short, 422, "password_refused")["errors"][0]["pointer"] == "/new_password"
    done = await person.put("/me/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD})
    assert (done.status_code, done.content) == (204, b"")
    assert (await elsewhere.get("/me")).status_code == 401
    assert (await person.get("/me")).status_code == 200
    assert (await stored.token(grant_type="password", username=person.email, password=PASSWORD)).status_code == 400
    await stored.signed_in(person.email, password=NEW_PASSWORD)


async def test_sessions_are_listed_and_ended(stored: Service) -> None:
    person, other = await stored.person("viewer"), await stored.person("viewer")
    elsewhere = await stored.signed_in(person.email)
    sessions = (await person.get("/me/sessions")).json()["items"]
    assert [session["current"] for session in sessions].count(True) == 1
    assert sessions[0]["client_address"] == "192.0.2.7"
    foreign = next(session for session in sessions if not session["current"])
    place = f"/me/sessions/{foreign['id']}"
    assert (await person.get(place)).json() == foreign
    assert (await elsewhere.get(place)).json() == {**foreign, "current": True}
    for method in ("GET", "DELETE"):
        assert_problem(await other(method, place), 404, "not_found")
    assert (await person.delete(place)).status_code == 204
    for method in ("GET", "DELETE"):
        assert_problem(await person(method, place), 404, "not_found")
    assert (await elsewhere.get("/me")).status_code == 401
    assert len((await person.get("/me/sessions")).json()["items"]) == 1


async def test_one_signs_out_everywhere_but_here(stored: Service) -> None:
    person, other = await stored.person("viewer"), await stored.person("viewer")
    elsewhere = [await stored.signed_in(person.email) for _ in range(3)]
    assert (await person.delete("/me/sessions")).status_code == 204
    for caller in elsewhere:
        assert (await caller.get("/me")).status_code == 401
        refused = await stored.token(grant_type="refresh_token", refresh_token=caller.refresh_token)
        assert refused.status_code == 400
    assert [session["current"] for session in (await person.get("/me/sessions")).json()["items"]] == [True]
    assert (await other.get("/me")).status_code == 200
    assert (await person.delete("/me/sessions")).status_code == 204


async def test_a_key_sees_its_owner_and_changes_nothing_of_him(service: Service) -> None:
    admin = await service.person("admin")
    key = await service.key_of(admin, "users:read")
    assert (await key.get("/me")).json()["id"] == admin.id
    assert_problem(await key.patch("/me", {"name": "Eve"}), 403, "session_required")
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert_problem(await key.put("/me/password", body), 403, "session_required")
    assert_problem(await key.get("/me/sessions"), 403, "session_required")
