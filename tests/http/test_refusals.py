"""What is refused over HTTP is told by the trail: who, why, how often; and the answers say as little as before."""

from typing import Any

from tests.http.service import PASSWORD, Caller, Service
from tests.http.test_problems import assert_problem


async def refusals(service: Service, admin: Caller) -> list[dict[str, Any]]:
    await service.container.audit.refusals().write(everything=True)
    listed = (await admin.get("/audit-events?limit=200&sort=at")).json()["items"]
    return [event for event in listed if event["outcome"] == "refused"]


async def test_a_missing_right_is_told_once_a_minute_with_a_count(stored: Service) -> None:
    admin, editor = await stored.person("admin"), await stored.person("editor")
    for _ in range(5):
        assert_problem(await editor.get("/users"), 403, "forbidden")
    assert_problem(await editor.get("/audit-events"), 403, "forbidden")
    told = [event for event in await refusals(stored, admin) if event["actor"]["id"] == editor.id]
    assert sum(event["after"]["count"] for event in told) == 6
    assert len(told) <= 2, "one, or two where a minute ended in between"
    assert (told[0]["action"], told[0]["after"]["reason"]) == ("access.refuse", "forbidden")
    assert told[0]["client_address"]
    assert told[0]["after"]["routes"]["list_users"] >= 1
    listed = await admin.get("/audit-events", params={"action": "access.refuse", "actor": editor.id})
    assert len(listed.json()["items"]) == len(told)


async def test_refused_sign_ins_and_keys_tell_whom_they_concern(service: Service) -> None:
    admin, editor = await service.person("admin"), await service.person("editor")
    key = await service.key_of(editor)
    for email in (editor.email, "nobody@example.com"):
        answer = await service.token(grant_type="password", username=email, password="wrong horse battery")
        assert_problem(answer, 400, "invalid_grant")
        assert editor.id not in answer.text
    (own,) = (await editor.get("/api-keys")).json()["items"]
    await editor.delete(f"/api-keys/{own['id']}")
    assert_problem(await key.get("/me"), 401, "invalid_token")
    await service.token(grant_type="refresh_token", refresh_token=editor.refresh_token)
    replayed = await service.token(grant_type="refresh_token", refresh_token=editor.refresh_token)
    assert_problem(replayed, 400, "invalid_grant")
    told = [
        (event["action"], event["target"]["type"], event["target"]["id"]) for event in await refusals(service, admin)
    ]
    assert ("session.refuse", "user", editor.id) in told
    assert ("session.refuse", "anonymous", "unknown") in told
    assert ("credential.refuse", "api_key", own["id"]) in told
    assert "session" in {kind for action, kind, _ in told if action == "session.refuse"}


async def test_nothing_that_was_tried_is_in_the_trail(service: Service) -> None:
    admin = await service.person("admin")
    await service.token(grant_type="password", username="nobody@example.com", password=PASSWORD + "x")
    assert_problem(await service.anonymous.get("/users"), 401, "unauthenticated")
    told = await refusals(service, admin)
    assert len(told) == 1
    assert "nobody@example.com" not in str(told)
    assert PASSWORD not in str(told)
