"""Answers as streams: told in order, told again from any place, and nothing that was not verified."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from starlette.types import Message

from tests.http.answer_writing import QUESTION, STREAM, VERIFIED, Library, a_library, heard
from tests.http.service import BASE, Caller, Service, memory_settings
from tests.http.test_collections import grant, grant_to, made_by
from tests.http.test_documents import TEXT, submitted
from tests.http.test_problems import assert_problem

BOTH = "application/json, text/event-stream"


@pytest_asyncio.fixture
async def library() -> AsyncIterator[Library]:
    async with a_library(memory_settings()) as running:
        yield running


async def reader_of(service: Service) -> tuple[Caller, dict[str, Any]]:
    editor = await service.person("editor")
    document = await submitted(editor, (await made_by(editor))["id"], title="Leave")
    await service.ingest()
    return editor, document


async def test_a_stream_tells_the_answer_in_its_order(stored: Service) -> None:
    editor, document = await reader_of(stored)
    stream = await editor.post("/answers", QUESTION, headers=STREAM)
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["cache-control"] == "no-cache"
    events = heard(stream.text)
    names = [event["event"] for event in events]
    assert (names[0], names[-1]) == ("search_results", "done")
    assert set(names[1:-1]) == {"delta", "citation"}
    assert len({event["id"] for event in events}) == len(events)

    kept = (await editor.get(stream.headers["location"])).json()
    assert events[-1]["data"] == kept
    assert "".join(event["data"]["text"] for event in events if event["event"] == "delta") == kept["text"]
    assert [event["data"] for event in events if event["event"] == "citation"] == kept["citations"]
    for citation in kept["citations"]:
        assert citation["quote"] == TEXT[citation["start"] : citation["end"]]
        assert names.index("citation") > names.index("delta")
    found = events[0]["data"]
    assert found["answer_id"] == kept["id"]
    assert [(item["document_id"], item["title"]) for item in found["items"]] == [(document["id"], "Leave")]


async def test_it_is_told_again_from_any_place_to_the_byte(stored: Service) -> None:
    editor, _ = await reader_of(stored)
    stream = await editor.post("/answers", QUESTION, headers=STREAM)
    path = f"{stream.headers['location']}/events"
    again = await editor.get(path)
    assert again.content == stream.content
    ids = [event["id"] for event in heard(stream.text)]
    for place, told in enumerate(ids[:-1], start=1):
        rest = await editor.get(path, headers={"Last-Event-ID": told})
        assert [event["id"] for event in heard(rest.text)] == ids[place:]
    assert (await editor.get(path, headers={"Last-Event-ID": ids[-1]})).status_code == 204
    assert (await editor.get(path, headers={"Last-Event-ID": "nothing.1"})).content == stream.content
    assert_problem(await (await stored.person("admin")).get(path), 404, "not_found")
    assert_problem(await editor.get(path, headers={"Accept": "application/json"}), 406, "not_acceptable")


@pytest.mark.parametrize(
    ("accept", "stream", "form"),
    [
        (None, None, "json"),
        ("*/*", None, "json"),
        (BOTH, None, "json"),
        ("text/event-stream", None, "events"),
        ("text/*", None, "events"),
        ("application/json;q=.5, text/event-stream", None, "json"),  # not a quality: RFC 9110 writes 0.5
        ("application/json;q=0.5, text/event-stream", None, "events"),
        ("text/event-stream;q=0.9, */*;q=0.1", None, "events"),
        ("*/*", True, "events"),
        (BOTH, True, "events"),
        (BOTH, False, "json"),
        ("text/event-stream", True, "events"),
        ("application/json", True, "406"),
        ("text/event-stream", False, "406"),
        ("text/html", None, "406"),
        ("text/html", True, "406"),
        ("*/*, text/event-stream;q=0", True, "406"),
    ],
)
async def test_accept_and_stream_choose_the_form(
    service: Service, accept: str | None, stream: bool | None, form: str
) -> None:
    viewer = await service.person("viewer")
    body = QUESTION if stream is None else {**QUESTION, "stream": stream}
    answer = await viewer.post("/answers", body, headers={"Accept": accept} if accept else {})
    if form == "406":
        assert_problem(answer, 406, "not_acceptable")
    else:
        media_type = {"json": "application/json", "events": "text/event-stream"}[form]
        assert answer.headers["content-type"].startswith(media_type)


async def test_what_is_wrong_with_a_question_is_a_problem_and_no_event(service: Service) -> None:
    viewer = await service.person("viewer")
    unknown = {**QUESTION, "collection_ids": ["019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70"]}
    assert_problem(await viewer.post("/answers", unknown, headers=STREAM), 404, "collection_not_found")
    assert_problem(await viewer.post("/answers", {"question": " "}, headers=STREAM), 422, "invalid")
    assert_problem(await service.anonymous.post("/answers", QUESTION, headers=STREAM), 401, "unauthenticated")


async def test_what_was_found_is_heard_at_once_and_the_text_once_it_is_verified(library: Library) -> None:
    async with library.asking() as stream:
        first = await stream.next()
        assert (first["event"], first["data"]["items"][0]["title"]) == ("search_results", "Leave")
        may_answer = await library.model.next_turn()
        assert_problem(await library.editor.get(stream.location), 404, "not_found")
        may_answer.set()
        rest = await stream.rest()
    assert [event["event"] for event in rest] == ["delta", "citation", "done"]
    assert rest[0]["data"]["text"] == rest[-1]["data"]["text"] == VERIFIED
    kept = await library.editor.get(f"{stream.location}/events")
    assert heard(kept.text) == [first, *rest]


async def test_while_a_stream_is_written_an_equal_request_is_told_to_wait(library: Library) -> None:
    async with library.asking("k") as stream:
        may_answer = await library.model.next_turn()
        for form in (STREAM, {}):
            headers = {"Idempotency-Key": "k", **form}
            waiting = await library.editor.post("/answers", QUESTION, headers=headers)
            assert_problem(waiting, 409, "idempotency_in_progress")
            assert waiting.headers["retry-after"] == "2"
            other = await library.editor.post("/answers", {"question": "And now?"}, headers=headers)
            assert_problem(other, 422, "idempotency_key_reused")
        may_answer.set()
        told = [await stream.next(), *await stream.rest()]
    again = await library.editor.post("/answers", QUESTION, headers={"Idempotency-Key": "k", **STREAM})
    assert (heard(again.text), again.headers["idempotency-replayed"]) == (told, "true")
    whole = await library.editor.post("/answers", {**QUESTION, "stream": False}, headers={"Idempotency-Key": "k"})
    assert (whole.json(), whole.headers["idempotency-replayed"]) == (told[-1]["data"], "true")
    rest = {"Idempotency-Key": "k", "Last-Event-ID": told[1]["id"], **STREAM}
    assert heard((await library.editor.post("/answers", QUESTION, headers=rest)).text) == told[2:]
    assert len(library.model.shown) == 1


async def test_a_client_that_hangs_up_finds_its_answer(library: Library) -> None:
    async with library.asking("k") as stream:
        first = await stream.next()
        may_answer = await library.model.next_turn()
    may_answer.set()
    again = await answered_again(library, "k")
    assert again.headers["idempotency-replayed"] == "true"
    assert heard(again.text)[0] == first
    assert again.headers["location"] == stream.location
    assert len(library.model.shown) == 1


async def test_servers_may_raise_when_the_client_has_gone(library: Library) -> None:
    """ASGI 2.4 has them do so; uvicorn is silent."""
    headers = {**library.editor.headers, **STREAM, "Idempotency-Key": "k", "Content-Type": "application/json"}
    request = library.client.build_request("POST", "/api/v1/answers", json=QUESTION, headers=headers)
    scope = {"type": "http", "asgi": {"spec_version": "2.4"}, "method": "POST", "path": "/api/v1/answers"}
    scope |= {"query_string": b"", "headers": [(name.lower(), value) for name, value in request.headers.raw]}

    async def receive() -> Message:
        return {"type": "http.request", "body": request.content}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise OSError

    asking = asyncio.create_task(library.app(scope, receive, send))
    (await library.model.next_turn()).set()
    await asking
    again = await library.editor.post("/answers", QUESTION, headers={"Idempotency-Key": "k"})
    assert (again.json()["text"], again.headers["idempotency-replayed"]) == (VERIFIED, "true")


async def test_a_client_that_does_not_wait_for_json_finds_its_answer_too(library: Library) -> None:
    asking = asyncio.create_task(library.editor.post("/answers", QUESTION, headers={"Idempotency-Key": "k"}))
    may_answer = await library.model.next_turn()
    asking.cancel()
    await asyncio.wait({asking})
    may_answer.set()
    again = await answered_again(library, "k")
    assert again.headers["idempotency-replayed"] == "true"
    assert heard(again.text)[-1]["data"]["text"] == VERIFIED
    assert len(library.model.shown) == 1


async def answered_again(library: Library, key: str) -> Any:
    """The answer to the same request, as soon as it is not being worked on any more."""
    while True:
        again = await library.editor.post("/answers", QUESTION, headers={"Idempotency-Key": key, **STREAM})
        if again.status_code != 409:
            return again
        await asyncio.sleep(0.01)


async def test_whoever_loses_the_right_hears_nothing_more(library: Library) -> None:
    admin, viewer = await library.person("admin"), await library.person("viewer")
    await grant_to(library.editor, library.collection, grant("read"))
    async with library.asking("k", viewer) as stream:
        first = await stream.next()
        await admin.delete(f"/users/{viewer.id}/roles/viewer")
        rest = await stream.rest()
    assert [(event["event"], event["id"], event["data"]["code"]) for event in rest] == [
        ("error", first["id"], "forbidden")
    ]
    assert_problem(await viewer.get(stream.location), 403, "forbidden")


async def test_the_work_of_one_who_lost_the_right_is_given_up(library: Library) -> None:
    admin = await library.person("admin")
    async with library.asking("k") as stream:
        await library.model.next_turn()
        await admin.post(f"/users/{library.editor.id}/disable")
        (*_, last) = await stream.rest()
    assert (last["event"], last["data"]["code"]) == ("error", "invalid_token")
    await library.model.gave_up.wait()
    assert library.container.persistence.in_memory().repeats == {}


async def test_what_went_out_of_reach_meanwhile_is_not_told(library: Library) -> None:
    async with library.asking() as stream:
        first = await stream.next()
        may_answer = await library.model.next_turn()
        await library.editor.delete(f"/documents/{library.document['id']}")
        may_answer.set()
        rest = await stream.rest()
    assert [event["event"] for event in rest] == ["search_results", "delta", "done"]
    assert rest[0]["data"] == {**first["data"], "items": []}
    assert "thirty" not in str(rest)
    again = await library.editor.get(f"{stream.location}/events", headers={"Last-Event-ID": first["id"]})
    assert heard(again.text) == rest
    left = await library.editor.get(f"{stream.location}/events", headers={"Last-Event-ID": rest[0]["id"]})
    assert heard(left.text) == rest[1:]


async def test_a_repeat_shows_only_what_can_still_be_read(stored: Service) -> None:
    editor, document = await reader_of(stored)
    keyed = {"Idempotency-Key": "k"}
    first = await editor.post("/answers", QUESTION, headers=keyed)
    assert first.json()["citations"]
    await editor.delete(f"/documents/{document['id']}")
    again = await editor.post("/answers", QUESTION, headers=keyed)
    assert (again.json()["id"], again.json()["citations"]) == (first.json()["id"], [])
    assert again.headers["idempotency-replayed"] == "true"
    assert "thirty" not in again.text


async def test_a_stream_that_lost_its_lease_tells_the_answer_of_the_next(library: Library) -> None:
    async with library.asking("k") as stream:
        first = await stream.next()
        own_turn = await library.model.next_turn()
        library.clock.forward(seconds=61)
        async with library.asking("k") as next_stream:
            (await library.model.next_turn()).set()
            told = [await next_stream.next(), *await next_stream.rest()]
        own_turn.set()
        assert await stream.rest() == told
    assert (first["event"], told[-1]["event"]) == ("search_results", "done")
    assert first["id"] != told[0]["id"]
    answers = library.container.persistence.in_memory().tables["answers"]
    assert [str(answer_id) for answer_id in answers] == [told[0]["data"]["answer_id"]]


async def test_a_stream_that_lost_its_lease_to_one_still_at_work_says_so(library: Library) -> None:
    async with library.asking("k") as stream:
        first = await stream.next()
        own_turn = await library.model.next_turn()
        library.clock.forward(seconds=61)
        async with library.asking("k") as next_stream:
            next_turn = await library.model.next_turn()
            own_turn.set()
            (error,) = await stream.rest()
            assert (error["event"], error["id"], error["data"]["status"]) == ("error", first["id"], 409)
            assert error["data"]["code"] == "idempotency_in_progress"
            next_turn.set()
            assert (await next_stream.rest())[-1]["event"] == "done"


async def test_a_stop_ends_what_outlasts_it() -> None:
    async with a_library(memory_settings(stop_seconds=0)) as library, library.asking("k") as stream:
        first = await stream.next()
        await library.model.next_turn()
        library.container.operations.health().finishing = True
        (error,) = await stream.rest()
        assert (error["event"], error["id"], error["data"]["code"]) == ("error", first["id"], "shutting_down")
        await library.model.gave_up.wait()
        assert library.container.persistence.in_memory().repeats == {}


async def test_one_that_is_cancelled_gives_up_its_work_and_its_lease(library: Library) -> None:
    """So a server does that must stop and has waited long enough."""
    transport = httpx2.ASGITransport(app=library.app)
    headers = {**library.editor.headers, **STREAM, "Idempotency-Key": "k"}
    async with httpx2.AsyncClient(transport=transport, base_url=BASE, headers=headers) as client:
        asking = asyncio.create_task(client.post("/api/v1/answers", json=QUESTION))
        await library.model.next_turn()
        asking.cancel()
        await asyncio.wait({asking})
    await library.model.gave_up.wait()
    assert library.container.persistence.in_memory().repeats == {}


async def test_a_stop_lets_answers_be_finished(library: Library) -> None:
    async with library.asking() as stream:
        may_answer = await library.model.next_turn()
        library.container.operations.health().finishing = True
        may_answer.set()
        (*_, last) = await stream.rest()
    assert last["event"] == "done"
