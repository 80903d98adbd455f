"""The OpenAPI document says what the service does: complete, in order, and the same as the answers."""

import json
from typing import Any

import pytest

from entrypoints.http.app import create_app
from entrypoints.http.openapi import operations, parts
from entrypoints.http.security import Anyone, Caller
from tests.http.service import Service, memory_settings, quick_container

APP = create_app(quick_container(memory_settings()))
DOCUMENT = APP.openapi()
OPERATIONS = list(operations(APP, DOCUMENT))
IDS = [operation["operationId"] for _, operation in OPERATIONS]


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(item) for item in value.values()))
    return set().union(*(references(item) for item in value)) if isinstance(value, list) else set()


def test_the_document_is_whole() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    for reference in references(DOCUMENT):
        place: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    assert "HTTPValidationError" not in json.dumps(DOCUMENT)
    assert len(set(IDS)) == len(IDS)
    used = {tag for _, operation in OPERATIONS for tag in operation["tags"]}
    assert used == {tag["name"] for tag in DOCUMENT["tags"]}


@pytest.mark.parametrize(("route", "operation"), OPERATIONS, ids=IDS)
def test_each_operation_is_described(route: Any, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert len(operation["description"]) > 10
    (gate,) = [part for part in parts(route) if isinstance(part, (Caller, Anyone))]
    if isinstance(gate, Caller):
        assert operation["x-permission"] == (gate.permission or "signed-in")
        assert operation["security"] == [{"bearer": []}, {"api_key": []}]
        assert "401" in operation["responses"]
        assert ("403" in operation["responses"]) is (gate.permission is not None) or gate.permission is None
    else:
        assert (operation["x-permission"], operation["security"]) == ("public", [])
    for place in operation.get("parameters", []):
        assert place["schema"]
        assert place.get("description") or place["in"] == "path"


@pytest.mark.parametrize(("route", "operation"), OPERATIONS, ids=IDS)
def test_each_operation_shows_examples(route: Any, operation: dict[str, Any]) -> None:
    success = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    assert success
    for status, answer in success.items():
        content = answer.get("content", {}).get("application/json")
        if status != "204" and route.path.startswith("/api/"):
            assert content is None or "example" in content or route.path.endswith("/content"), "give an example"
    for media, body in operation.get("requestBody", {}).get("content", {}).items():
        assert "example" in body or media == "multipart/form-data"
        assert body["schema"]
    for status, answer in operation["responses"].items():
        if status[0] in "45":
            assert answer["content"]["application/problem+json"]["examples"]


def test_examples_fit_their_schemas() -> None:
    """By name: the members of an example are exactly those of the schema that stands beside it."""
    schemas = DOCUMENT["components"]["schemas"]
    for _, operation in OPERATIONS:
        answers = [(answer, False) for answer in operation["responses"].values()]
        for holder, is_input in [*answers, (operation.get("requestBody", {}), True)]:
            for content in holder.get("content", {}).values():
                name = content["schema"].get("$ref", "").rpartition("/")[2]
                if "example" not in content or not name:
                    continue
                properties = set(schemas[name].get("properties", {}))
                example = set(content["example"])
                assert example <= properties if is_input else example == properties, (operation["operationId"], name)


def test_each_refusal_has_the_example_of_its_own_code() -> None:
    for code, example in DOCUMENT["components"]["examples"].items():
        assert example["value"]["code"] == code
        assert example["value"]["type"] == f"/problems/{code}"


async def test_the_document_is_served_and_knows_where_it_is_mounted(service: Service) -> None:
    answer = await service.client.get("/openapi.json")
    assert answer.json()["info"]["title"] == "FastOps"
    assert answer.json().keys() == DOCUMENT.keys()
