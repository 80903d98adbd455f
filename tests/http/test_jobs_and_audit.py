"""Jobs are watched, stopped and tried again by whoever caused them; the trail tells everything to auditors."""

import asyncio
import json
from typing import Any

from tests.http.service import Service
from tests.http.test_collections import made_by
from tests.http.test_problems import assert_problem


async def test_jobs_belong_to_whoever_caused_them(stored: Service) -> None:
    editor, other, admin = [await stored.person(role) for role in ("editor", "editor", "admin")]
    collection = (await made_by(editor))["id"]
    job = (await editor.post(f"/collections/{collection}/documents", {"text": "t"})).json()["job"]
    for path in (f"/jobs/{job['id']}", f"/jobs/{job['id']}/cancel"):
        verb = "POST" if path.endswith("cancel") else "GET"
        assert_problem(await other(verb, path), 404, "not_found")
    assert (await other.get("/jobs")).json()["items"] == []
    assert [item["id"] for item in (await editor.get("/jobs?status=queued&kind=ingest")).json()["items"]] == [job["id"]]
    assert [item["id"] for item in (await admin.get("/jobs")).json()["items"]] == [job["id"]]


async def test_a_job_is_cancelled_and_tried_again(stored: Service) -> None:
    editor = await stored.person("editor")
    collection = (await made_by(editor))["id"]
    job = (await editor.post(f"/collections/{collection}/documents", {"text": "t"})).json()["job"]
    assert_problem(await editor.post(f"/jobs/{job['id']}/retry"), 409, "job_not_failed")
    assert (await editor.post(f"/jobs/{job['id']}/cancel")).json()["status"] == "cancelled"
    assert_problem(await editor.post(f"/jobs/{job['id']}/cancel"), 409, "job_is_over")
    again = await editor.post(f"/jobs/{job['id']}/retry")
    assert (again.status_code, again.json()["status"]) == (200, "queued")
    await stored.ingest()
    assert (await editor.get(f"/jobs/{job['id']}")).json()["status"] == "succeeded"


async def test_every_change_is_told_with_its_request(stored: Service) -> None:
    admin = await stored.person("admin")
    made = await admin.post("/users", {"name": "Ada", "email": "ada@example.com"}, headers={"X-Request-ID": "trail-1"})
    await stored.number()
    listed = await admin.get("/audit-events", params={"target_id": made.json()["id"], "target_type": "user"})
    (event,) = listed.json()["items"]
    assert (event["action"], event["outcome"]) == ("user.create", "success")
    assert event["actor"] == {"type": "user", "id": admin.id, "name": "Person 1"}
    assert (event["request_id"], event["client_address"]) == ("trail-1", "192.0.2.7")
    assert isinstance(event["sequence"], int)
    assert (await admin.get(f"/audit-events/{event['id']}")).json() == event
    assert (
        await admin.get("/audit-events", params={"action": "user.create", "actor": admin.id, "to": event["at"]})
    ).json()["items"] == []
    by_time = await admin.get("/audit-events", params={"from": event["at"], "action": "user.create", "actor": admin.id})
    assert event["id"] in {item["id"] for item in by_time.json()["items"]}


async def test_the_trail_is_for_auditors_and_holds_no_secrets(stored: Service) -> None:
    admin, viewer = await stored.person("admin"), await stored.person("viewer")
    secret = (await viewer.post("/api-keys", {"name": "k", "scopes": []})).json()["secret"]
    assert_problem(await viewer.get("/audit-events"), 403, "forbidden")
    await stored.number()
    trail = await admin.get("/audit-events?limit=200")
    assert "argon2" not in trail.text
    assert secret not in trail.text
    assert secret.split("_")[-1][:20] not in trail.text


def heard(text: str) -> list[dict[str, Any]]:
    """The events of a stream: id, name and data."""
    events = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        events.append({**fields, "data": json.loads(fields["data"])})
    return events


async def test_a_job_is_followed_to_its_end(stored: Service) -> None:
    editor = await stored.person("editor")
    collection = (await made_by(editor))["id"]
    job = (await editor.post(f"/collections/{collection}/documents", {"text": "t"})).json()["job"]
    following = asyncio.create_task(editor.get(f"/jobs/{job['id']}/events", headers={"Accept": "text/event-stream"}))
    await asyncio.sleep(0.1)
    await stored.ingest()
    stream = await following
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["cache-control"] == "no-cache"
    events = heard(stream.text)
    assert [event["event"] for event in events] == ["job", "job"]
    assert [event["data"]["status"] for event in events] == ["queued", "succeeded"]
    again = await editor.get(f"/jobs/{job['id']}/events", headers={"Last-Event-ID": events[0]["id"]})
    assert [event["id"] for event in heard(again.text)] == [events[1]["id"]]
    assert (await editor.get(f"/jobs/{job['id']}/events", headers={"Last-Event-ID": events[1]["id"]})).text == ""


async def test_a_stream_ends_with_the_rights_it_was_opened_with(stored: Service) -> None:
    editor, admin = await stored.person("editor"), await stored.person("admin")
    collection = (await made_by(editor))["id"]
    job = (await editor.post(f"/collections/{collection}/documents", {"text": "t"})).json()["job"]
    following = asyncio.create_task(editor.get(f"/jobs/{job['id']}/events"))
    await asyncio.sleep(0.1)
    await admin.post(f"/users/{editor.id}/disable")
    events = heard((await following).text)
    assert [event["event"] for event in events] == ["job", "error"]
    assert events[1]["data"]["code"] == "invalid_token"
    assert_problem(await (await stored.person("editor")).get(f"/jobs/{job['id']}/events"), 404, "not_found")
    refused = await admin.get(f"/jobs/{job['id']}/events", headers={"Accept": "application/json"})
    assert_problem(refused, 406, "not_acceptable")


async def test_streams_end_when_the_service_stops(service: Service) -> None:
    editor = await service.person("editor")
    collection = (await made_by(editor))["id"]
    job = (await editor.post(f"/collections/{collection}/documents", {"text": "t"})).json()["job"]
    service.container.operations.health().finishing = True
    assert len(heard((await editor.get(f"/jobs/{job['id']}/events")).text)) == 1
