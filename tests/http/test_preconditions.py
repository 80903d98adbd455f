"""Entity tags and preconditions of every resource that the OpenAPI document knows (RFC 9110 §13)."""

import asyncio
import multiprocessing
import re
import shutil
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from application.identity.views import UserView
from domain.shared.errors import Conflict, StaleVersion
from entrypoints.http.conditional import ATTEMPTS, Precondition
from tests.factories import UserFactory
from tests.http.operations import Described, described
from tests.http.service import BASE, Caller, Service, a_service, sqlite_settings
from tests.http.test_problems import CANARY, assert_problem
from tests.http.things import belongings, made, open_to_all

pytestmark = pytest.mark.asyncio(loop_scope="module")

STRONG = re.compile(r'"[!#-~]+"')
NEED_IF_MATCH = {
    "PATCH /api/v1/users/{user_id}",
    "DELETE /api/v1/users/{user_id}",
    "PATCH /api/v1/groups/{group_id}",
    "DELETE /api/v1/groups/{group_id}",
    "PATCH /api/v1/roles/{name}",
    "DELETE /api/v1/roles/{name}",
    "PATCH /api/v1/collections/{collection_id}",
    "DELETE /api/v1/collections/{collection_id}",
    "PUT /api/v1/collections/{collection_id}/grants",
}
TAKE_IF_MATCH = {
    "PATCH /api/v1/me",
    "PATCH /api/v1/documents/{document_id}",
    "DELETE /api/v1/documents/{document_id}",
    "PATCH /api/v1/api-keys/{key_id}",
    "DELETE /api/v1/api-keys/{key_id}",
    "DELETE /api/v1/me/identities/{identity_id}",
}
marks = count()
STALE = {"If-Match": f'"{CANARY}"'}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(shared: Service) -> Caller:
    return await shared.person("admin")


async def test_who_is_overtaken_again_and_again_is_told_so() -> None:
    seen: list[UserView] = []

    async def look() -> UserView:
        seen.append(UserView.of(UserFactory.build()))
        return seen[-1]

    async def overtaken(_view: UserView, _version: int) -> None:
        raise StaleVersion

    with pytest.raises(Conflict, match="changed_too_often"):
        await Precondition.read(None, required=False).hold(look, overtaken, lambda view: str(view.version))
    assert len(seen) == ATTEMPTS


async def ids_of(service: Service, admin: Caller) -> dict[str, str]:
    return {**await belongings(service, admin), **await open_to_all(service, admin, f"-{next(marks)}")}


def address(operation: Described, ids: dict[str, str]) -> str:
    return BASE + operation.template.format(**ids)


def parameters(operation: Described) -> dict[str, Any]:
    return {item["name"]: item for item in operation.document.get("parameters", [])}


def resources(service: Service) -> list[Described]:
    """Reads of one thing: neither lists nor streams, nor what is there only once a job is done (see test_exports)."""
    reads = [one for one in described(service.app) if one.method == "GET" and one.template.startswith("/api/v1/")]
    reads = [one for one in reads if "limit" not in parameters(one) and not one.template.endswith("/events")]
    reads = [one for one in reads if "/exports/" not in one.template]
    return [one for one in reads if "303" not in one.document["responses"]]


def changes(service: Service) -> list[Described]:
    """Changes that take If-Match, those that remove last, and what lies inside others before these."""
    found = [one for one in described(service.app) if "If-Match" in parameters(one)]
    return sorted(found, key=lambda one: (one.method == "DELETE", -one.template.count("documents"), one.template))


def body_of(operation: Described, admin: Caller) -> Any:
    if operation.template.endswith("/grants"):
        subjects = [({"type": "everyone"}, "read"), ({"type": "user", "id": admin.id}, "manage")]
        return {"grants": [{"subject": subject, "level": level} for subject, level in subjects]}
    return next(iter(operation.json_bodies.values()), None)


async def test_every_resource_has_a_strong_tag_and_is_not_sent_twice(shared: Service, admin: Caller) -> None:
    ids = await ids_of(shared, admin)
    assert len(resources(shared)) >= 12
    for operation in resources(shared):
        path = address(operation, ids)
        seen = await admin.get(path)
        assert seen.status_code == 200, (str(operation), seen.text)
        tag = seen.headers["etag"]
        assert STRONG.fullmatch(tag), str(operation)
        assert "If-None-Match" in parameters(operation), str(operation)
        for field in (tag, f"W/{tag}", "*", f'"other", {tag}', f'W/"a,b" , {tag},'):
            same = await admin.get(path, headers={"If-None-Match": field})
            assert (same.status_code, same.content) == (304, b""), (str(operation), field)
            assert (same.headers["etag"], same.headers["cache-control"]) == (tag, seen.headers["cache-control"])
            assert not {"content-type", "content-length", "content-disposition"} & same.headers.keys()
        for field in ('"other"', tag.strip('"'), f'{tag[:-1]}x"', "", "garbage"):
            assert (await admin.get(path, headers={"If-None-Match": field})).status_code == 200, field
        head = await admin("HEAD", path)
        assert head.content == b""
        assert {**head.headers, "x-request-id": ""} == {**seen.headers, "x-request-id": ""}
        assert (await admin("HEAD", path, headers={"If-None-Match": tag})).status_code == 304


async def test_exactly_the_changes_that_the_contract_names_take_and_need_if_match(shared: Service) -> None:
    found = {str(one): parameters(one)["If-Match"]["required"] for one in changes(shared)}
    assert {name for name, required in found.items() if required} == NEED_IF_MATCH
    assert {name for name, required in found.items() if not required} == TAKE_IF_MATCH


async def test_refusals_come_in_the_order_of_the_contract(shared: Service, admin: Caller) -> None:
    """401, 403, 404, 428, 412; and a change that is refused changes nothing."""
    ids, nobody = await ids_of(shared, admin), await shared.person()
    for operation in changes(shared):
        path, body, need = address(operation, ids), body_of(operation, admin), str(operation) in NEED_IF_MATCH
        seen = (await admin.get(path)).headers["etag"]
        for headers in ({}, STALE):
            refused = await shared.anonymous(operation.method, path, body, headers=headers)
            assert_problem(refused, 401, "unauthenticated")
            if operation.document["x-permission"] != "signed-in":
                assert_problem(await nobody(operation.method, path, body, headers=headers), 403, "forbidden")
                absent = await admin(operation.method, operation.path, body, headers=headers)
                assert_problem(absent, 404, "not_found")
        if need:
            assert_problem(await admin(operation.method, path, body), 428, "if_match_required")
        for field in (STALE["If-Match"], f"W/{seen}", seen.strip('"'), "", "garbage", f"{seen} garbage"):
            refused = await admin(operation.method, path, body, headers={"If-Match": field})
            assert_problem(refused, 412, "stale_version")
        assert (await admin.get(path)).headers["etag"] == seen, str(operation)
        done = await admin(operation.method, path, body, headers={"If-Match": f'"other", {seen}'})
        assert done.status_code in {200, 204}, (str(operation), done.text)
        if operation.method == "DELETE":
            assert_problem(await admin.get(path), 404, "not_found")
            assert_problem(await admin(operation.method, path, body, headers={"If-Match": seen}), 404, "not_found")
        else:
            assert done.headers["etag"] == (await admin.get(path)).headers["etag"] != seen
            assert_problem(await admin(operation.method, path, body, headers={"If-Match": seen}), 412, "stale_version")
            anything = await admin(operation.method, path, body, headers={"If-Match": "*"})
            assert anything.status_code == 200, anything.text


async def test_a_missing_level_is_told_before_any_precondition(shared: Service) -> None:
    manager, reader = await shared.person("editor"), await shared.person("editor")
    ids = await belongings(shared, manager, [reader])
    for method, path, body in (
        ("PATCH", f"/collections/{ids['collection_id']}", {"name": "mine"}),
        ("DELETE", f"/collections/{ids['collection_id']}", None),
        ("PUT", f"/collections/{ids['collection_id']}/grants", {"grants": []}),
        ("PATCH", f"/documents/{ids['document_id']}", {"title": "mine"}),
        ("DELETE", f"/documents/{ids['document_id']}", None),
    ):
        for headers in ({}, STALE):
            assert_problem(await reader(method, path, body, headers=headers), 403, "level_missing")


async def test_use_progress_and_sign_ins_move_no_tag(on_each_store: Service) -> None:
    owner = await on_each_store.person("editor")
    ids = await belongings(on_each_store, owner)
    secret = await made(owner, "/api-keys", {"name": "used", "scopes": ["documents:read"]})
    submitted = await made(owner, f"/collections/{ids['collection_id']}/documents", {"text": "later"})
    paths = [f"/api-keys/{secret['id']}", "/me", f"/jobs/{submitted['job']['id']}"]
    queue, clock = on_each_store.container.persistence.job_queue(), on_each_store.container.persistence.clock()
    (ticket,) = await queue.claim("tests", ["ingest"], 1, clock.now())
    before = [(await owner.get(path)) for path in paths]
    await queue.progress(ticket, 3, 7)
    await queue.prolong([ticket], clock.now())
    await on_each_store.signed_in(owner.email)
    await on_each_store.token(grant_type="refresh_token", refresh_token=owner.refresh_token)
    await on_each_store.token(grant_type="password", username=owner.email, password="wrong")
    key = Caller(on_each_store.client, {"X-API-Key": secret["secret"]})
    assert (await key.get("/documents/" + ids["document_id"])).status_code == 200
    after = [(await owner.get(path)) for path in paths]
    assert [answer.headers["etag"] for answer in after] == [answer.headers["etag"] for answer in before]
    assert [answer.json().get("version") for answer in after] == [answer.json().get("version") for answer in before]
    assert (before[0].json()["last_used_at"], after[2].json()["progress"]["done"]) == (None, 3)
    assert after[0].json()["last_used_at"]


async def test_what_changes_otherwise_moves_the_tag(shared: Service, admin: Caller) -> None:
    """By members, roles, work and seals, which are no changes by PATCH."""
    owner, person = await shared.person("editor"), await shared.person()
    group = (await made(admin, "/groups", {"name": "Movers"}))["id"]
    collection = (await made(owner, "/collections", {"name": "Moved"}))["id"]
    submitted = await made(owner, f"/collections/{collection}/documents", {"text": "A text that is ingested."})
    event = (await admin.get("/audit-events?limit=1")).json()["items"][0]
    paths = [f"/groups/{group}", f"/users/{person.id}", f"/audit-events/{event['id']}"]
    paths += [f"/documents/{submitted['document']['id']}", f"/jobs/{submitted['job']['id']}"]
    before = [(await admin.get(path)).headers["etag"] for path in paths]
    await admin.put(f"/groups/{group}/members/{person.id}")
    await admin.put(f"/users/{person.id}/roles/viewer")
    await shared.ingest()
    after = [(await admin.get(path)).headers["etag"] for path in paths]
    assert all(old != new for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("many", [2, 20])
async def test_of_changes_to_one_state_at_once_exactly_one_wins(on_each_store: Service, many: int) -> None:
    admin = await on_each_store.person("admin")
    ids = await ids_of(on_each_store, admin)
    renamed = [
        (f"/users/{ids['user_id']}", "name"),
        (f"/groups/{ids['group_id']}", "name"),
        (f"/roles/{ids['name']}", "description"),
        (f"/collections/{ids['collection_id']}", "name"),
        (f"/documents/{ids['document_id']}", "title"),
        (f"/api-keys/{ids['key_id']}", "name"),
        ("/me", "name"),
    ]
    for path, member in renamed:
        seen = {"If-Match": (await admin.get(path)).headers["etag"]}
        bodies = [{member: f"{many} {number}"} for number in range(many)]
        answers = await asyncio.gather(*(admin.patch(path, body, headers=seen) for body in bodies))
        assert sorted(answer.status_code for answer in answers) == [200] + [412] * (many - 1), path
        (winner,) = [answer for answer in answers if answer.status_code == 200]
        kept = await admin.get(path)
        assert (kept.json(), kept.headers["etag"]) == (winner.json(), winner.headers["etag"])
        for answer in answers:
            if answer is not winner:
                assert_problem(answer, 412, "stale_version")
    seen = {"If-Match": (await admin.get(renamed[3][0])).headers["etag"]}
    answers = await asyncio.gather(*(admin.delete(renamed[3][0], headers=seen) for _ in range(many)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(204) == 1
    assert set(statuses) <= {204, 404, 412}


async def test_changes_of_any_state_are_all_taken_in(on_each_store: Service) -> None:
    """`*`, and no field where none is needed, name no state: whoever comes second changes what the first has left."""
    admin = await on_each_store.person("admin")
    collection = (await made(admin, "/collections", {"name": "c"}))["id"]
    patches = [{"metadata": {str(number): number}} for number in range(4)]
    path = f"/collections/{collection}"
    answers = await asyncio.gather(*(admin.patch(path, patch, headers={"If-Match": "*"}) for patch in patches))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert (await admin.get(path)).json()["metadata"] == {"0": 0, "1": 1, "2": 2, "3": 3}


async def tags(settings: Any, headers: dict[str, str], paths: list[str]) -> list[str]:
    async with a_service(settings) as service:
        caller = Caller(service.client, headers)
        return [(await caller.get(path)).headers["etag"] for path in paths]


def tags_in_a_process(file: Path, headers: dict[str, str], paths: list[str]) -> list[str]:
    return asyncio.run(tags(sqlite_settings(file), headers, paths))


async def test_every_process_gives_the_same_tags(sqlite_template: Path, tmp_path_factory: Any) -> None:
    """A further process hashes texts otherwise, so that whatever takes the order of a set differs there."""
    file = shutil.copy(sqlite_template, tmp_path_factory.mktemp("tags") / "fastops.db")
    async with a_service(sqlite_settings(file)) as service:
        admin = await service.person("admin")
        ids = await ids_of(service, admin)
        grants = [{"subject": {"type": "user", "id": admin.id}, "level": "manage"}]
        for number in range(5):
            group = await made(admin, "/groups", {"name": f"g{number}"})
            await admin.put(f"/groups/{group['id']}/members/{admin.id}")
            grants.append({"subject": {"type": "group", "id": group["id"]}, "level": "read"})
        given = {"grants": grants}
        answer = await admin.put(f"/collections/{ids['collection_id']}/grants", given, headers={"If-Match": "*"})
        assert answer.status_code == 200, answer.text
        paths = [address(one, ids) for one in resources(service)] + ["/roles/admin"]
        here = [(await admin.get(path)).headers["etag"] for path in paths]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = await asyncio.wrap_future(pool.submit(tags_in_a_process, file, admin.headers, paths))
    assert dict(zip(paths, there, strict=True)) == dict(zip(paths, here, strict=True))
