"""Each operation is asked by each kind of caller, and answers as the table of rights has it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx2
import pytest
import pytest_asyncio

from domain.shared.actor import Permission
from tests.fakes import ManualClock
from tests.http.operations import FORM, Described, described
from tests.http.rights import OK, OWNED, READ_SCOPES, STANDINGS, expected, table
from tests.http.service import BASE, SYSTEM, Caller, Service, a_service, memory_settings, sqlite_settings
from tests.http.things import belongings, made, open_to_all, passkey_of

ANOTHER_STATE = '"another state"'
"""An ETag of nothing: whoever gets in is told so, and what is there stays for those who come after."""
NOT_HELD = {"rights_not_held", "scope_not_held"}
"""Refusals of what the example asks to be given, and not of whoever asks."""
SWITCHED_OFF = {"registration_closed", "mail_off"}
"""Refusals that everybody gets, because of how the service is set."""
EXPIRY = datetime(2026, 1, 1, 1, tzinfo=UTC)


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def dated(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Service, ManualClock]]:
    """A service on each embedded store, and the clock that it goes by."""
    if request.param == "memory":
        settings = memory_settings()
    else:
        settings = sqlite_settings(request.getfixturevalue("sqlite_file"))
    clock = ManualClock()
    async with a_service(settings, clock) as service:
        yield service, clock


async def shut_out(service: Service, clock: ManualClock) -> dict[str, Caller]:
    """Callers who could sign in once, and cannot any more."""
    callers = {name: await service.person("admin") for name in ("expired token", "ended session", "disabled user")}
    keeper = await service.person("admin")
    for name, expiry in (("expired key", EXPIRY.isoformat()), ("revoked key", None)):
        key = await made(keeper, "/api-keys", {"name": name, "scopes": ["search"], "expires_at": expiry})
        callers[name] = Caller(service.client, {"X-API-Key": key["secret"]})
    keys = (await keeper.get("/api-keys?sort=name")).json()["items"]
    await keeper.delete(f"/api-keys/{keys[-1]['id']}")
    await service.client.post("/api/v1/auth/revoke", data={"token": callers["ended session"].refresh_token})
    await service.container.identity.users().disable(SYSTEM, UUID(callers["disabled user"].id))
    clock.forward(hours=2)
    return callers


async def ask(caller: Caller, operation: Described, things: dict[str, str]) -> httpx2.Response:
    headers = {"If-Match": ANOTHER_STATE} if _takes_if_match(operation) else {}
    content: dict[str, Any] = {}
    for media, example in operation.bodies.items():
        if media == FORM:
            content = {"data": example}
        elif media.endswith("json"):
            content = {"json": example}
    return await caller(operation.method, BASE + operation.template.format_map(things), headers=headers, **content)


def told(answer: httpx2.Response) -> str:
    """What an answer says about rights."""
    assert answer.status_code != 500
    about_content = answer.status_code == 403 and answer.json()["code"] in NOT_HELD | SWITCHED_OFF
    return str(answer.status_code) if answer.status_code in {401, 403, 404} and not about_content else OK


async def test_everybody_gets_what_the_table_says(dated: tuple[Service, ManualClock]) -> None:
    service, clock = dated
    operations = sorted(described(service.app), key=lambda operation: operation.name == "end_other_sessions")
    callers = {"anonymous": service.anonymous, **await shut_out(service, clock)}
    roles = {"user without roles": (), "reader": ("viewer",), "owner": ("editor",), "administrator": ("admin",)}
    roles |= {"other editor": ("editor",), "reading editor": ("editor",)}
    callers |= {name: await service.person(*held) for name, held in roles.items()}
    callers["key without scopes"] = await service.key_of(callers["owner"])
    callers["read-only key"] = await service.key_of(callers["owner"], *READ_SCOPES)
    own = await belongings(service, callers["owner"], [callers["reader"], callers["reading editor"]])
    own |= await passkey_of(callers["owner"])
    things = own | await open_to_all(service, callers["administrator"])
    wrong: list[str] = []
    for name, standing in STANDINGS.items():
        for operation in operations:
            answer = await ask(callers[name], operation, things)
            if told(answer) != expected(operation, name):
                wrong.append(f"{name}: {operation} answered {answer.status_code}, not {expected(operation, name)}")
            if operation.document["x-permission"] == Permission.AUDIT_READ:
                continue  # the trail names everything that was changed, for those who may know
            shown = [thing for thing in OWNED - standing.sees if own[thing] in answer.text]
            wrong += [f"{name}: {operation} shows the {thing} of the owner" for thing in shown]
    assert "\n".join(wrong) == ""


def test_the_table_tells_callers_apart(service: Service) -> None:
    """Each kind of caller stands for something: no two of those who are signed in get the same everywhere."""
    operations = list(described(service.app))
    columns = {
        name: tuple(expected(operation, name) for operation in operations)
        for name, standing in STANDINGS.items()
        if standing.signed_in
    }
    assert len(set(columns.values())) == len(columns)
    assert table(operations).count("\n") == len(operations) + 1


def _takes_if_match(operation: Described) -> bool:
    return any(parameter["name"] == "If-Match" for parameter in operation.document.get("parameters", ()))
