"""Connections that break around a COMMIT: nothing is done twice, nothing is lost, and nobody is told what is not so."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.engine import make_url

from tests.commit_line import CommitLine, Fate, commit_line
from tests.http.service import Caller, Service, a_service, postgres_settings
from tests.http.test_problems import assert_problem

NEW_KEY = {"name": "import", "scopes": ["search"]}
KEYED = {"Idempotency-Key": "k"}


@pytest_asyncio.fixture
async def line(postgres_url: str) -> AsyncIterator[CommitLine]:
    async with commit_line(make_url(postgres_url).port or 5432) as opened:
        yield opened


@pytest_asyncio.fixture
async def service(line: CommitLine, postgres_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    """Its way to the database is the line; nothing runs beside its requests."""
    through = make_url(postgres_url).set(host="127.0.0.1", port=line.port)
    async with a_service(postgres_settings(through.render_as_string(hide_password=False), tmp_path)) as running:
        yield running


async def keys_of(caller: Caller) -> list[str]:
    return [item["id"] for item in (await caller.get("/api-keys")).json()["items"]]


async def test_a_keyed_request_is_answered_though_the_reply_to_its_commit_was_lost(
    service: Service, line: CommitLine
) -> None:
    admin = await service.person("admin")
    line.fate = Fate.ANSWER_LOST
    first = await admin.post("/api-keys", NEW_KEY, headers=KEYED)
    assert line.fate is Fate.DELIVERED
    assert first.status_code == 201
    again = await admin.post("/api-keys", NEW_KEY, headers=KEYED)
    assert (again.status_code, again.content) == (201, first.content)
    assert await keys_of(admin) == [first.json()["id"]]
    key = Caller(service.client, {"X-API-Key": first.json()["secret"]})
    assert (await key.get("/me")).status_code == 200


async def test_a_request_without_a_key_is_done_once_though_the_reply_to_its_commit_was_lost(
    service: Service, line: CommitLine
) -> None:
    """Its commit is sent once more, and finds itself in the journal."""
    admin = await service.person("admin")
    line.fate, commits = Fate.ANSWER_LOST, line.commits
    answer = await admin.post("/api-keys", NEW_KEY)
    assert (answer.status_code, line.commits) == (201, commits + 2)
    assert await keys_of(admin) == [answer.json()["id"]]


async def test_where_the_line_stays_broken_the_client_is_told_that_nobody_knows(
    service: Service, line: CommitLine
) -> None:
    admin = await service.person("admin")
    line.fate = Fate.LINE_LOST
    answer = await admin.post("/api-keys", NEW_KEY)
    assert_problem(answer, 503, "outcome_unknown")
    assert answer.headers["retry-after"]
    line.is_cut = False
    assert len(await keys_of(admin)) == 1


@pytest.mark.parametrize("headers", [KEYED, {}])
async def test_what_broke_before_its_commit_arrived_is_done_once(
    service: Service, line: CommitLine, headers: dict[str, str]
) -> None:
    admin = await service.person("admin")
    line.fate = Fate.LOST
    answer = await admin.post("/api-keys", NEW_KEY, headers=headers)
    assert answer.status_code == 201
    assert await keys_of(admin) == [answer.json()["id"]]


async def test_what_broke_before_the_commit_of_a_transaction_is_not_done_behind_the_clients_back(
    service: Service, line: CommitLine
) -> None:
    """Changes with a guard are transactions, whose commit is sent once."""
    admin, other = await service.person("admin"), await service.person("admin")
    line.fate = Fate.LOST
    answer = await admin.post(f"/users/{other.id}/disable", headers=KEYED)
    assert_problem(answer, 503, "outcome_unknown")
    assert (await admin.get(f"/users/{other.id}")).json()["status"] == "active"
    again = await admin.post(f"/users/{other.id}/disable", headers=KEYED)
    assert (again.status_code, again.json()["status"]) == (200, "disabled")
