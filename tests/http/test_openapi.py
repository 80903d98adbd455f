"""The OpenAPI document says what the service does: complete, in order, and the same as the answers."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from entrypoints.http.app import create_app
from entrypoints.http.openapi import operations, parts
from entrypoints.http.security import Anyone, Caller
from tests.codes import problem_codes
from tests.http.service import Service, memory_settings, quick_container

APP = create_app(quick_container(memory_settings()))
DOCUMENT = APP.openapi()
OPERATIONS = list(operations(APP, DOCUMENT))
IDS = [operation["operationId"] for _, operation in OPERATIONS]


def test_the_document_is_valid() -> None:
    """References included: each leads to what may stand there."""
    assert DOCUMENT["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []
    assert "HTTPValidationError" not in json.dumps(DOCUMENT)
    used = {tag for _, operation in OPERATIONS for tag in operation["tags"]}
    assert used == {tag["name"] for tag in DOCUMENT["tags"]}


def test_the_document_is_the_same_in_every_process() -> None:
    """Or releases could not be told apart by it; sets are ordered differently in each process."""
    program = "import json; from tests.http.test_openapi import DOCUMENT; print(json.dumps(DOCUMENT))"
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": "1"}).stdout
    assert told.decode().strip() == json.dumps(DOCUMENT)


def test_names_are_stable_and_good_for_generated_clients() -> None:
    """Operation ids and schema names become functions and classes there."""
    assert len(set(IDS)) == len(IDS)
    assert [name for name in IDS if not re.fullmatch("[a-z]+(_[a-z]+)*", name)] == []
    assert [name for name in DOCUMENT["components"]["schemas"] if not re.fullmatch("([A-Z][a-z]+)+", name)] == []


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
        assert place["description"]


@pytest.mark.parametrize(("route", "operation"), OPERATIONS, ids=IDS)
def test_each_operation_shows_examples(route: Any, operation: dict[str, Any]) -> None:
    success = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    assert success or "303" in operation["responses"]
    for status, answer in success.items():
        content = answer.get("content", {}).get("application/json")
        if status != "204":
            assert content is None or "example" in content, "give an example"
    for media, body in operation.get("requestBody", {}).get("content", {}).items():
        assert "example" in body or media == "multipart/form-data"
        assert body["schema"]
    for status, answer in operation["responses"].items():
        if status[0] in "45":
            assert answer["content"]["application/problem+json"]["examples"]


@pytest.mark.parametrize("operation", [operation for _, operation in OPERATIONS], ids=IDS)
def test_examples_fit_their_schemas(operation: dict[str, Any]) -> None:
    """Those of answers show every member too."""
    for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
        for content in holder.get("content", {}).values():
            for example in [content["example"]] if "example" in content else []:
                schema = content["schema"] | {"components": DOCUMENT["components"]}
                if content["schema"].get("format") != "binary" and isinstance(example, dict):
                    jsonschema_rs.validator_for(schema, validate_formats=True).validate(example)
                if holder is not operation.get("requestBody") and "$ref" in content["schema"]:
                    named = DOCUMENT["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
                    assert set(example) == set(named.get("properties", {}))


TELLS_NOTHING = {"register", "request_email_verification", "request_password_reset"}
"""Whether anything follows from these is for a mailbox to tell, and not for whoever asks."""


@pytest.mark.parametrize("operation", [operation for _, operation in OPERATIONS], ids=IDS)
def test_header_fields_are_named(operation: dict[str, Any]) -> None:
    for status, answer in operation["responses"].items():
        fields = answer["headers"].keys()
        assert "X-Request-ID" in fields
        assert ("WWW-Authenticate" in fields) is (status == "401")
        assert ("Retry-After" in fields) >= (status in {"429", "503"})
        follows = status == "201" or (status == "202" and operation["operationId"] not in TELLS_NOTHING)
        assert ("Location" in fields) >= follows
        assert ("ETag" in fields) >= (status == "304")


def test_each_refusal_is_one_that_is_given_and_has_the_example_of_its_own_code() -> None:
    assert DOCUMENT["components"]["examples"].keys() <= problem_codes().keys()
    for code, example in DOCUMENT["components"]["examples"].items():
        assert example["value"]["code"] == code
        assert example["value"]["type"] == f"/problems/{code}"


async def test_the_document_is_served_and_knows_where_it_is_mounted(service: Service) -> None:
    answer = await service.client.get("/openapi.json")
    assert answer.json()["info"]["title"] == "FastOps"
    assert answer.json().keys() == DOCUMENT.keys()
