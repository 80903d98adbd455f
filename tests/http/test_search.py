"""Searching over HTTP: what may be asked, and what an answer looks like."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from entrypoints.http.v1.schemas.search import SearchOut
from tests.http.service import Service
from tests.http.test_collections import made_by
from tests.http.test_documents import submitted
from tests.http.test_problems import assert_problem


async def test_an_answer_has_its_documented_form(stored: Service) -> None:
    editor = await stored.person("editor")
    collection = (await made_by(editor))["id"]
    for number in range(3):
        await submitted(editor, collection, text=f"Leave rule {number}: thirty days.", metadata={"year": 2020 + number})
    await stored.ingest()
    body = {"query": "leave days", "filter": {"field": "metadata.year", "op": "gte", "value": 2021}, "explain": True}
    answer = await editor.post("/search", body)
    assert answer.status_code == 200, answer.text
    TypeAdapter(SearchOut).validate_json(answer.content)
    assert answer.json()["mode"] == "hybrid"
    assert len(answer.json()["items"]) == 2
    assert answer.json()["items"][0]["explain"].keys() == {"cosine", "bm25", "keyword_share"}
    plain = await editor.post("/search", {"query": "leave", "mode": "keyword", "limit": 1, "group_by": "document"})
    (item,) = plain.json()["items"]
    assert item["explain"] is None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/query"),
        ({"query": ""}, "/query"),
        ({"query": "a" * 4001}, "/query"),
        ({"query": "q", "mode": "magic"}, "/mode"),
        ({"query": "q", "limit": 0}, "/limit"),
        ({"query": "q", "limit": 101}, "/limit"),
        ({"query": "q", "limit": "10"}, "/limit"),
        ({"query": "q", "limit": True}, "/limit"),
        ({"query": "q", "offset": 1001}, "/offset"),
        ({"query": "q", "offset": -1}, "/offset"),
        ({"query": "q", "collection_ids": []}, "/collection_ids"),
        ({"query": "q", "collection_ids": ["x"]}, "/collection_ids/0"),
        ({"query": "q", "group_by": "author"}, "/group_by"),
        ({"query": "q", "explain": "yes"}, "/explain"),
        ({"query": "q", "filter": []}, "/filter"),
        ({"query": "q", "filter": {}}, "/filter/field"),
        ({"query": "q", "filter": {"field": "owner", "op": "eq", "value": 1}}, "/filter/field"),
        ({"query": "q", "filter": {"field": "title", "op": "like", "value": "a"}}, "/filter/op"),
        ({"query": "q", "filter": {"and": []}}, "/filter/and"),
        ({"query": "q", "filter": {"not": {"field": "title"}}}, "/filter/not/op"),
        ({"query": "q", "filters": {}}, ""),
    ],
)
async def test_what_is_not_understood_is_located_and_never_ignored(
    service: Service, body: dict[str, Any], pointer: str
) -> None:
    viewer = await service.person("viewer")
    answer = await viewer.post("/search", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_collection_that_one_may_not_read_is_not_found(stored: Service) -> None:
    editor, viewer = await stored.person("editor"), await stored.person("viewer")
    collection = (await made_by(editor))["id"]
    answer = await viewer.post("/search", {"query": "q", "collection_ids": [collection]})
    assert_problem(answer, 404, "collection_not_found")
    admin = await stored.person("admin")
    for path, text in (("/search", "query"), ("/answers", "question")):
        for caller, unknown in ((viewer, viewer.id), (admin, admin.id)):
            answer = await caller.post(path, {text: "q", "collection_ids": [collection, unknown]})
            assert_problem(answer, 404, "collection_not_found")
