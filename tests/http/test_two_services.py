"""Two services on one database: what changes on one holds on the other within a second, with Redis and without."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.http.service import Caller, Service, a_service, postgres_settings

WITHIN_SECONDS = 1.0
"""The promise; each question begins so long after the answer to the change."""


@dataclass
class Two:
    """`here` is where changes are made; `there` knows only what the database says."""

    here: Service
    there: Service

    def elsewhere(self, caller: Caller) -> Caller:
        return replace(caller, client=self.there.client)


@pytest_asyncio.fixture(params=["without Redis", "with Redis"])
async def two(request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path) -> AsyncIterator[Two]:
    shared: dict[str, Any] = {}
    if request.param == "with Redis":
        shared = {"redis_url": request.getfixturevalue("redis_url"), "rate_limits": "on"}
    async with AsyncExitStack() as stack:
        running = [
            await stack.enter_async_context(a_service(postgres_settings(postgres_url, tmp_path, **shared)))
            for _ in range(2)
        ]
        yield Two(*running)


async def succeeded(asked: Any, *statuses: int) -> httpx2.Response:
    answer: httpx2.Response = await asked
    assert answer.status_code in (statuses or (200,)), answer.text
    return answer


async def test_every_change_of_rights_holds_on_the_other_service_within_a_second(two: Two) -> None:
    admin = await two.here.person("admin")
    manager = await two.here.person("editor")
    any_version = {"headers": {"If-Match": "*"}}
    for name in ("keeper", "guard"):
        role = {"name": name, "description": "", "permissions": ["audit:read"]}
        await succeeded(admin.post("/roles", role), 201)
    demoted, narrowed = [await two.here.person(role) for role in ("guard", "keeper")]
    disabled, signed_out = [await two.here.person("viewer") for _ in range(2)]
    ungranted, expelled = [await two.here.person("editor") for _ in range(2)]
    key = await two.here.key_of(manager, "collections:read")
    key_id = (await succeeded(manager.get("/api-keys"))).json()["items"][0]["id"]
    group = (await succeeded(admin.post("/groups", {"name": "readers"}), 201)).json()["id"]
    await succeeded(admin.put(f"/groups/{group}/members/{expelled.id}"))
    collection = (await succeeded(manager.post("/collections", {"name": "c"}), 201)).json()["id"]

    def grants(*subjects: tuple[str, str]) -> dict[str, Any]:
        own = [{"subject": {"type": "user", "id": manager.id}, "level": "manage"}]
        return {"grants": own + [{"subject": {"type": kind, "id": one}, "level": "read"} for kind, one in subjects]}

    path = f"/collections/{collection}"
    both = grants(("user", ungranted.id), ("group", group))
    await succeeded(manager.put(f"{path}/grants", both, **any_version))
    questions = {
        "disabled user": (disabled, "/me", 401),
        "ended session": (signed_out, "/me", 401),
        "taken role": (demoted, "/audit-events", 403),
        "changed role": (narrowed, "/audit-events", 403),
        "revoked key": (key, path, 401),
        "changed grant": (ungranted, path, 404),
        "left group": (expelled, path, 404),
    }
    await asyncio.sleep(WITHIN_SECONDS)
    for who, what, _ in questions.values():
        await succeeded(two.elsewhere(who).get(what))
    (session,) = (await succeeded(signed_out.get("/me/sessions"))).json()["items"]
    await succeeded(admin.post(f"/users/{disabled.id}/disable", {}, **any_version))
    await succeeded(signed_out.delete(f"/me/sessions/{session['id']}"), 204)
    await succeeded(admin.patch(f"/users/{demoted.id}", {"roles": ["viewer"]}, **any_version))
    await succeeded(admin.patch("/roles/keeper", {"permissions": []}, **any_version))
    await succeeded(manager.delete(f"/api-keys/{key_id}"), 204)
    await succeeded(manager.put(f"{path}/grants", grants(("group", group)), **any_version))
    await succeeded(admin.delete(f"/groups/{group}/members/{expelled.id}"), 204)
    await asyncio.sleep(WITHIN_SECONDS)
    told = {what: (await two.elsewhere(who).get(path)).status_code for what, (who, path, _) in questions.items()}
    assert told == {what: status for what, (_, _, status) in questions.items()}


async def test_no_token_is_refused_while_signing_keys_change(two: Two) -> None:
    """Each service takes the ring over a moment after the other has turned it, as its loop does every few seconds."""
    person = await two.here.person("viewer")
    rings = [service.container.security.key_ring() for service in (two.here, two.there)]
    statuses: list[int] = []
    is_over, worked = asyncio.Event(), asyncio.Event()

    async def work(here: Service, there: Service) -> None:
        caller = await here.signed_in(person.email)
        while not is_over.is_set():
            answers = [await replace(caller, client=service.client).get("/me") for service in (here, there)]
            statuses.extend(answer.status_code for answer in answers)
            worked.set()
            form = {"grant_type": "refresh_token", "refresh_token": caller.refresh_token}
            pair = (await succeeded(here.token(**form))).json()
            caller = caller.with_headers(Authorization=f"Bearer {pair['access_token']}")
            caller.refresh_token = pair["refresh_token"]

    workers = [asyncio.create_task(work(*order)) for order in ((two.here, two.there), (two.there, two.here)) * 2]
    now = two.here.container.persistence.clock().now()
    for turn in range(1, 5):
        await rings[0].rotate(now + timedelta(minutes=3 * turn))
        for _ in range(8):
            worked.clear()
            await worked.wait()
        await rings[1].refresh()
    is_over.set()
    await asyncio.gather(*workers)
    assert set(statuses) == {200}
    assert rings[0].active.thumbprint() == rings[1].active.thumbprint()
