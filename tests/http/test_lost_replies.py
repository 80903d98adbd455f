"""What repeats are for: replies that get lost, impatient clients, stolen databases, and keys that nobody needs more."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest
import pytest_asyncio
from dependency_injector.providers import Object

from application.shared.unit_of_work import Operation, Repeat
from entrypoints.settings.settings import Settings
from entrypoints.wiring.lifecycle import Extent, running
from tests.fakes import ManualClock
from tests.http.answer_writing import QUESTION, Library, a_library
from tests.http.service import (
    SYSTEM,
    Caller,
    a_service,
    memory_settings,
    postgres_settings,
    quick_container,
    sqlite_settings,
)
from tests.http.test_problems import assert_problem

T = TypeVar("T")
AT_ONCE = 16
NEW_KEY = {"name": "import", "scopes": ["search"]}


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def everywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """The settings of a service on each store."""
    if request.param == "memory":
        return memory_settings()
    if request.param == "sqlite":
        return sqlite_settings(request.getfixturevalue("sqlite_file"))
    return postgres_settings(request.getfixturevalue("postgres_url"), tmp_path)


@pytest_asyncio.fixture
async def library(everywhere: Settings) -> AsyncIterator[Library]:
    """On a real socket, so that connections can break."""
    async with a_library(everywhere) as served:
        yield served


async def until_answered(caller: Caller, path: str, body: Any, key: str) -> Any:
    """The answer to a request that is repeated as a client does it: as long as the first is being worked on."""
    while True:
        answer = await caller.post(path, body, headers={"Idempotency-Key": key})
        if answer.status_code != 409:
            return answer
        assert_problem(answer, 409, "idempotency_in_progress")
        assert answer.headers["retry-after"]
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("path", ["/api-keys", "/users", "/answers"])
async def test_of_many_at_once_one_does_the_work_and_all_get_its_answer(library: Library, path: str) -> None:
    admin = await library.person("admin")
    bodies: dict[str, Any] = {
        "/api-keys": NEW_KEY,
        "/users": {"name": "Ada", "email": "ada@example.com"},
        "/answers": QUESTION,
    }
    answering = asyncio.create_task(let_answer(library))
    answers = await asyncio.gather(*(until_answered(admin, path, bodies[path], "k") for _ in range(AT_ONCE)))
    answering.cancel()
    assert len({answer.content for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {200 if path == "/answers" else 201}
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert len(library.model.shown) == (path == "/answers")
    there_before = {"/api-keys": 0, "/users": 2}
    assert path == "/answers" or len(await items_of(admin, path)) == there_before[path] + 1


async def let_answer(library: Library) -> None:
    while True:
        (await library.model.next_turn()).set()


async def test_a_client_that_does_not_wait_for_the_reply_gets_it_later(library: Library) -> None:
    admin = await library.person("admin")
    content = orjson.dumps(NEW_KEY)
    head = [
        b"POST /api/v1/api-keys HTTP/1.1",
        b"Host: kb.example.com",
        b"Authorization: " + admin.headers["Authorization"].encode(),
        b"Idempotency-Key: k",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(content),
    ]
    port, writers = library.client.base_url.port, []
    for _ in range(3):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\r\n".join(head) + b"\r\n\r\n" + content)
        writers.append(writer)
    listed = await until(lambda: items_of(admin, "/api-keys"))
    for writer in writers:
        writer.close()
    answer = await admin.post("/api-keys", NEW_KEY, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.headers["idempotency-replayed"]) == (201, "true")
    assert [item["id"] for item in listed] == [answer.json()["id"]]
    key = Caller(library.client, {"X-API-Key": answer.json()["secret"]})
    assert (await key.get("/me")).status_code == 200


async def test_after_a_day_a_key_is_new(library: Library) -> None:
    editor = library.editor
    first = await editor.post("/api-keys", NEW_KEY, headers={"Idempotency-Key": "k"})
    library.clock.forward(hours=23, minutes=59)
    editor = await library.signed_in(editor.email)
    again = await editor.post("/api-keys", NEW_KEY, headers={"Idempotency-Key": "k"})
    assert again.json() == first.json()
    library.clock.forward(minutes=1)
    other = await editor.post("/api-keys", NEW_KEY, headers={"Idempotency-Key": "k"})
    assert (other.status_code, "idempotency-replayed" in other.headers) == (201, False)
    assert other.json()["id"] != first.json()["id"]


async def test_a_stolen_database_opens_no_secret(sqlite_file: Path) -> None:
    async with a_service(sqlite_settings(sqlite_file)) as service:
        admin = await service.person("admin")
        keyed = {"Idempotency-Key": "my-idempotency-key"}
        made = (await admin.post("/api-keys", NEW_KEY, headers=keyed)).json()
        rotated = (await admin.post(f"/api-keys/{made['id']}/rotate", headers=keyed)).json()
    with sqlite3.connect(sqlite_file) as database:
        kept = database.execute("SELECT result, key_hash FROM repeats").fetchall()
    raw = b"".join(path.read_bytes() for path in sqlite_file.parent.glob(f"{sqlite_file.name}*"))
    assert len(kept) == 2
    assert b"my-idempotency-key" not in raw
    for issued in (made, rotated):
        secret = issued["secret"].rpartition("_")[2]
        assert not any(secret[place : place + 12].encode() in raw for place in range(len(secret) - 11))
        assert not any(issued["name"].encode() in result for result, _ in kept)


async def test_what_has_run_out_is_removed_by_the_running_service() -> None:
    container, clock = quick_container(memory_settings()), ManualClock()
    container.persistence.clock.override(Object(clock))
    store, kept = container.persistence.store(), container.persistence.in_memory().repeats
    repeat = Repeat(key="k", principal="user:1", route="POST /users", fingerprint="f")
    async with store(Operation("test", SYSTEM, repeat)) as uow:
        await uow.commit(None)
    clock.forward(hours=24)
    assert len(kept) == 1
    async with running(container, Extent.SERVICE):
        await until(lambda: asyncio.sleep(0, not kept))


async def items_of(caller: Caller, path: str) -> list[dict[str, Any]]:
    return (await caller.get(path)).json()["items"]  # type: ignore[no-any-return]


async def until(look: Callable[[], Awaitable[T]]) -> T:
    """What a look gives as soon as it is anything."""
    async with asyncio.timeout(20):
        while True:
            if found := await look():
                return found
            await asyncio.sleep(0.01)
