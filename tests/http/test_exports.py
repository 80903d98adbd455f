"""Exports over HTTP: asked for, made by a job, fetched by the person and by administrators, gone after a week."""

import asyncio
import io
import json
import zipfile

from application.operations.exports import EXPORT
from tests.fakes import ManualClock
from tests.http.service import Caller, Service, a_service, memory_settings


async def build(service: Service) -> None:
    """Make all exports that are due, as the worker of a running service does."""
    persistence = service.container.persistence
    for ticket in await persistence.job_queue().claim("tests", [EXPORT], 50, persistence.clock().now()):
        await service.container.exports.service().build(ticket)


async def fetched(caller: Caller, export_id: str) -> dict[str, object]:
    answer = await caller.get(f"/exports/{export_id}/content")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: json.loads(archive.read(name)) for name in archive.namelist()}


async def test_a_person_takes_the_own_data_along(stored: Service) -> None:
    person = await stored.person("editor")
    await person.post("/answers", {"question": "How many days of leave?"})
    asked = await person.post("/me/exports", {})
    assert asked.status_code == 202
    export = asked.json()
    early = await person.get(f"/exports/{export['id']}/content")
    assert (early.status_code, early.json()["code"]) == (409, "export_not_ready")
    assert (await person.get(asked.headers["location"])).json()["status"] == "queued"
    await build(stored)
    assert (await person.get(asked.headers["location"])).json()["status"] == "succeeded"
    held = await fetched(person, export["id"])
    assert person.email in json.dumps(held["account.json"])
    assert "How many days of leave?" in json.dumps(held["answers.json"])
    assert (await person.get(f"/exports/{export['id']}")).json()["status"] == "ready"


async def test_administrators_export_others_and_others_do_not_find_it(stored: Service) -> None:
    admin, person, other = await stored.person("admin"), await stored.person(), await stored.person("editor")
    asked = await admin.post(f"/users/{person.id}/exports", {})
    await build(stored)
    export_id = asked.json()["id"]
    assert person.email in json.dumps((await fetched(admin, export_id))["account.json"])
    await fetched(person, export_id)
    for path in (f"/exports/{export_id}", f"/exports/{export_id}/content"):
        assert (await other.get(path)).status_code == 404
    assert (await other.post(f"/users/{person.id}/exports", {})).status_code == 403


async def test_whoever_manages_accounts_exports_nobody_with_more_rights(service: Service) -> None:
    admin = await service.person("admin")
    await admin.post("/roles", {"name": "desk", "permissions": ["users:write"]})
    desk = await service.person("desk")
    refused = await desk.post(f"/users/{admin.id}/exports", {})
    assert (refused.status_code, refused.json()["code"]) == (403, "rights_not_held")
    assert (await desk.post(f"/users/{(await service.person()).id}/exports", {})).status_code == 202


async def test_an_export_is_gone_after_a_week_and_with_the_person() -> None:
    clock = ManualClock()
    async with a_service(memory_settings(), clock) as service:
        person = await service.person()
        export_id = (await person.post("/me/exports", {})).json()["id"]
        await build(service)
        clock.forward(days=7)
        again = await service.signed_in(person.email)
        assert (await again.get(f"/exports/{export_id}/content")).status_code == 404
        exports = service.container.exports.service()
        assert not await exports.forget_expired()
        assert service.container.persistence.in_memory().blobs == {}


async def test_asking_again_makes_it_anew(service: Service) -> None:
    person = await service.person()
    first = (await person.post("/me/exports", {})).json()
    await build(service)
    await person.patch("/me", {"name": "Ada"})
    second = (await person.post("/me/exports", {})).json()
    assert (second["id"], second["status"]) == (first["id"], "pending")
    await build(service)
    assert '"Ada"' in json.dumps((await fetched(person, first["id"]))["account.json"])


async def test_a_key_does_not_take_the_data_of_its_owner(service: Service) -> None:
    key = await service.key_of(await service.person("editor"))
    assert (await key.post("/me/exports", {})).json()["code"] == "session_required"


async def test_many_who_ask_at_once_all_get_an_export(stored: Service) -> None:
    admin, person = await stored.person("admin"), await stored.person()
    await person.post("/me/exports", {})
    asked = [person.post("/me/exports", {}) for _ in range(4)]
    asked += [admin.post(f"/users/{person.id}/exports", {}) for _ in range(4)]
    answers = await asyncio.gather(*asked)
    assert [answer.status_code for answer in answers] == [202] * 8
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_many_who_ask_first_at_once_share_one_export(stored: Service) -> None:
    person = await stored.person()
    answers = await asyncio.gather(*(person.post("/me/exports", {}) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [202] * 5
    assert len({answer.json()["id"] for answer in answers}) == 1
