"""What is refused over HTTP is told by the trail: who, why, how often; and the answers say as little as before."""

import json
from collections import Counter
from typing import Any

import pyotp

from tests.authenticator import Authenticator
from tests.http.service import BASE, PASSWORD, Caller, Service
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


async def test_a_wrong_second_factor_tells_of_whom(service: Service) -> None:
    admin, by_code, by_key = [await service.person(*roles) for roles in (("admin",), (), ())]
    secret = (await by_code.post("/me/totp")).json()["secret"]
    assert (await by_code.post("/me/totp", {"code": pyotp.TOTP(secret).now()})).status_code == 200
    key = Authenticator(BASE)
    made = key.create((await by_key.post("/me/passkeys/options")).json()["options"])
    assert (await by_key.post("/me/passkeys", {"name": "phone", "credential": made})).status_code == 201
    password = {"grant_type": "password", "password": PASSWORD}
    recovery = "-".join(["abcdef"] * 4)
    for code in ("000000", recovery):
        assert_problem(await service.token(**password, username=by_code.email, totp=code), 400, "invalid_grant")
    asked = (await service.token(**password, username=by_key.email)).json()["passkey_options"]
    forged = json.dumps(key.get(asked, signature=b"no signature"))
    assert_problem(await service.token(**password, username=by_key.email, passkey=forged), 400, "invalid_grant")
    options = (await service.anonymous.post("/auth/passkeys/options")).json()["options"]
    alone = {"credential": key.get(options, signature=b"no signature")}
    refused = await service.anonymous.post("/auth/passkeys/verify", alone)
    assert by_key.id not in str(assert_problem(refused, 400, "invalid_grant"))
    told = await refusals(service, admin)
    counts = Counter(event["target"]["id"] for event in told for _ in range(event["after"]["count"]))
    assert counts == {by_code.id: 2, by_key.id: 2}
    assert {event["action"] for event in told} == {"session.refuse"}


async def test_nothing_that_was_tried_is_in_the_trail(service: Service) -> None:
    admin = await service.person("admin")
    await service.token(grant_type="password", username="nobody@example.com", password=PASSWORD + "x")
    assert_problem(await service.anonymous.get("/users"), 401, "unauthenticated")
    told = await refusals(service, admin)
    assert len(told) == 1
    assert "nobody@example.com" not in str(told)
    assert PASSWORD not in str(told)
