"""Answers over HTTP: quotes that are in the source, kept for their asker, honest where there is no evidence."""

from typing import Any

from pydantic import TypeAdapter

from entrypoints.http.v1.schemas.answers import AnswerOut
from tests.http.service import Caller, Service
from tests.http.test_collections import made_by
from tests.http.test_documents import TEXT, submitted
from tests.http.test_problems import assert_problem

QUESTION = {"question": "How many days of leave a year has everyone?"}


async def asked(caller: Caller, **members: Any) -> dict[str, Any]:
    answer = await caller.post("/answers", {**QUESTION, **members})
    assert answer.status_code == 200, answer.text
    TypeAdapter(AnswerOut).validate_json(answer.content)
    return answer.json()  # type: ignore[no-any-return]


async def test_an_answer_is_made_of_quotes_that_are_there(stored: Service) -> None:
    editor = await stored.person("editor")
    document = await submitted(editor, (await made_by(editor))["id"])
    await stored.ingest()
    answer = await asked(editor)
    assert (answer["mode"], answer["model"]) == ("extractive", None)
    assert answer["citations"]
    for citation in answer["citations"]:
        assert citation["document_id"] == document["id"]
        assert citation["quote"] == TEXT[citation["start"] : citation["end"]]


async def test_an_answer_is_kept_for_its_asker(stored: Service) -> None:
    editor, admin = await stored.person("editor"), await stored.person("admin")
    document = await submitted(editor, (await made_by(editor))["id"])
    await stored.ingest()
    first = await editor.post("/answers", QUESTION, headers={"Idempotency-Key": "q"})
    path = first.headers["location"]
    kept = await editor.get(path)
    assert kept.json() == first.json()
    assert (await editor.get(path, headers={"If-None-Match": kept.headers["etag"]})).status_code == 304
    assert_problem(await admin.get(path), 404, "not_found")
    again = await editor.post("/answers", QUESTION, headers={"Idempotency-Key": "q"})
    assert (again.json()["id"], again.headers["idempotency-replayed"]) == (first.json()["id"], "true")

    await editor.delete(f"/documents/{document['id']}")
    without = await editor.get(path, headers={"If-None-Match": kept.headers["etag"]})
    assert without.status_code == 200
    assert without.json()["citations"] == []
    assert "thirty days" not in without.text


async def test_without_evidence_there_is_no_answer(stored: Service) -> None:
    stranger = await stored.person("viewer")
    editor = await stored.person("editor")
    await submitted(editor, (await made_by(editor))["id"])
    await stored.ingest()
    answer = await asked(stranger)
    assert (answer["mode"], answer["citations"]) == ("abstained", [])


async def test_what_breaks_a_rule_is_located(service: Service) -> None:
    viewer = await service.person("viewer")
    for body, pointer in (
        ({}, "/question"),
        ({"question": " "}, "/question"),
        ({**QUESTION, "limit": 0}, "/limit"),
        ({**QUESTION, "streams": True}, ""),
        ({**QUESTION, "stream": "yes"}, "/stream"),
        ({**QUESTION, "filter": {"field": "x", "op": "eq", "value": 1}}, "/filter/field"),
    ):
        answer = await viewer.post("/answers", body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
