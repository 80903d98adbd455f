"""What breaks the clients of an OpenAPI document, change by change; what does not; and that nothing slips through."""

from collections.abc import Callable
from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema_rs import is_valid

from entrypoints.reference.api import contract
from entrypoints.reference.compatibility import breaks
from entrypoints.reference.schema_compatibility import SchemaComparison, Side

TAG = {"$ref": "#/components/headers/ETag"}
EVENT = {
    "type": "object",
    "properties": {
        "event": {"const": "done"},
        "data": {"type": "string", "contentSchema": {"type": "object", "properties": {"at": {"type": "integer"}}}},
    },
}
TODAY = date(2026, 6, 1)
USER_REF, NEW_REF, TREE_REF = ({"$ref": f"#/components/schemas/{name}"} for name in ("User", "NewUser", "Tree"))
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/users": {
            "get": {
                "operationId": "list_users",
                "x-permission": "users:read",
                "security": [{"bearer": []}, {"api_key": []}],
                "parameters": [
                    {"in": "query", "name": "limit", "schema": {"type": "integer", "minimum": 1, "maximum": 200}},
                    {"in": "query", "name": "sort", "schema": {"type": "string", "enum": ["name", "-name"]}},
                ],
                "responses": {
                    "200": {
                        "content": {"application/json": {"schema": {"type": "array", "items": USER_REF}}},
                        "headers": {"Link": {"schema": {"type": "string"}}, "ETag": TAG},
                    },
                    "404": {"content": {"application/problem+json": {"schema": {"type": "object"}}}},
                },
            },
            "post": {
                "operationId": "create_user",
                "x-permission": "signed-in",
                "security": [{"bearer": []}],
                "requestBody": {
                    "content": {"application/json": {"schema": NEW_REF}, "text/csv": {"schema": {"type": "string"}}}
                },
                "responses": {"201": {"content": {"application/json": {"schema": USER_REF}}}},
            },
        },
        "/events": {
            "get": {
                "operationId": "follow",
                "x-permission": "public",
                "security": [],
                "responses": {
                    "200": {"content": {"text/event-stream": {"schema": {"type": "string"}, "x-itemSchema": EVENT}}}
                },
            }
        },
        "/search": {
            "post": {
                "operationId": "search",
                "x-permission": "public",
                "security": [],
                "requestBody": {"required": True, "content": {"application/json": {"schema": TREE_REF}}},
                "responses": {"200": {"content": {"application/json": {"schema": TREE_REF}}}},
            }
        },
    },
    "components": {
        "schemas": {
            "User": {
                "type": "object",
                "required": ["name", "status"],
                "properties": {
                    "name": {"type": "string"},
                    "note": {"type": "string", "maxLength": 5},
                    "status": {"type": "string", "enum": ["active", "disabled"]},
                },
            },
            "NewUser": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "maxLength": 100},
                    "email": {"anyOf": [{"type": "string", "format": "email"}, {"type": "null"}]},
                    "roles": {"type": "array", "items": {"type": "string"}},
                },
            },
            "Tree": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"op": {"type": "string"}, "all": {"type": "array", "items": TREE_REF}},
            },
        },
        "headers": {"ETag": {"required": True, "schema": {"type": "string"}}},
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
    },
}

Change = Callable[[dict[str, Any]], Any]


def users(document: dict[str, Any], method: str = "get") -> Any:
    return document["paths"]["/users"][method]


def schema(document: dict[str, Any], name: str) -> Any:
    return document["components"]["schemas"][name]


def member(document: dict[str, Any], name: str, of: str) -> Any:
    return schema(document, of)["properties"][name]


def event_data(document: dict[str, Any]) -> Any:
    content = document["paths"]["/events"]["get"]["responses"]["200"]["content"]["text/event-stream"]
    return content["x-itemSchema"]["properties"]["data"]["contentSchema"]["properties"]


def query(name: str, **more: Any) -> dict[str, Any]:
    return {"in": "query", "name": name, "schema": {"type": "string"}, **more}


BREAKING: dict[str, Change] = {
    "GET /users: the operation is gone": lambda d: d["paths"]["/users"].pop("get"),
    "POST /search: the operation is gone": lambda d: d["paths"].pop("/search"),
    "GET /users: operationId was list_users, is users": lambda d: users(d).update(operationId="users"),
    "GET /users: query limit is no longer taken": lambda d: users(d)["parameters"].pop(0),
    "GET /users: query q is required now": lambda d: users(d)["parameters"].append(query("q", required=True)),
    "GET /users: query sort is required now": lambda d: users(d)["parameters"][1].update(required=True),
    "GET /users: query sort is written in another way": lambda d: users(d)["parameters"][1].update(explode=False),
    'GET /users query limit: takes less: was {"maximum": 200, "minimum": 1, "type": "integer"}, is {"maximum": 100, '
    '"minimum": 1, "type": "integer"}': lambda d: users(d)["parameters"][0]["schema"].update(maximum=100),
    'GET /users query sort: takes less: was {"enum": ["name", "-name"], "type": "string"}, is {"enum": ["name"], '
    '"type": "string"}': lambda d: users(d)["parameters"][1]["schema"].update(enum=["name"]),
    "POST /users: content is required now": lambda d: users(d, "post")["requestBody"].update(required=True),
    "GET /users: content is required now": lambda d: users(d).update(requestBody={"required": True, "content": {}}),
    "POST /users: content is no longer taken": lambda d: users(d, "post").pop("requestBody"),
    "POST /users: text/csv is no longer taken": lambda d: users(d, "post")["requestBody"]["content"].pop("text/csv"),
    "NewUser (request)/email: is required now": lambda d: schema(d, "NewUser")["required"].append("email"),
    "NewUser (request)/roles: the member is gone": lambda d: schema(d, "NewUser")["properties"].pop("roles"),
    "NewUser (request)/email: null is no longer taken": lambda d: member(d, "email", "NewUser")["anyOf"].pop(),
    'NewUser (request)/email: takes less: was {"format": "email", "type": "string"}, is {"format": "uuid", "type": '
    '"string"}': lambda d: member(d, "email", "NewUser")["anyOf"][0].update(format="uuid"),
    'NewUser (request)/roles/*: takes less: was {"type": "string"}, is {"type": "integer"}': lambda d: member(
        d, "roles", "NewUser"
    ).update(items={"type": "integer"}),
    "GET /users: is no longer answered with 404": lambda d: users(d)["responses"].pop("404"),
    "GET /users 200: the field Link is gone": lambda d: users(d)["responses"]["200"]["headers"].pop("Link"),
    "GET /users 200: the field ETag may be missing now": lambda d: d["components"]["headers"]["ETag"].pop("required"),
    'GET /users 200 ETag: gives what it did not: was {"type": "string"}, is {"type": "integer"}': lambda d: d[
        "components"
    ]["headers"]["ETag"].update(schema={"type": "integer"}),
    "GET /users 200: application/json is no longer given": lambda d: users(d)["responses"]["200"]["content"].clear(),
    "User (answer)/name: the member is gone": lambda d: schema(d, "User")["properties"].pop("name"),
    "User (answer)/note: the member is gone": lambda d: schema(d, "User")["properties"].pop("note"),
    "User (answer)/status: may be missing now": lambda d: schema(d, "User")["required"].remove("status"),
    "User (answer)/name: may be null": lambda d: schema(d, "User")["properties"].update(
        name={"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
    'User (answer)/note: gives what it did not: was {"maxLength": 5, "type": "string"}, is {"maxLength": 6, "type": '
    '"string"}': lambda d: member(d, "note", "User").update(maxLength=6),
    "GET /users: needs users:write now and not users:read": lambda d: users(d).update({"x-permission": "users:write"}),
    "POST /users: needs users:write now and not signed-in": lambda d: users(d, "post").update(
        {"x-permission": "users:write"}
    ),
    "GET /users: no longer takes api_key": lambda d: users(d)["security"].pop(),
    "POST /search: a credential is needed now": lambda d: d["paths"]["/search"]["post"].update(
        security=[{"bearer": []}]
    ),
    "GET /events 200 text/event-stream/data/at: the member is gone": lambda d: event_data(d).pop("at"),
    "security scheme bearer: credentials are sent in another way": lambda d: d["components"]["securitySchemes"].clear(),
    'Tree (request)/op: takes less: was {"type": "string"}, is {"maxLength": 9, "type": "string"}': lambda d: member(
        d, "op", "Tree"
    ).update(maxLength=9),
    'Tree (request)/all: takes less: was {"items": {"$ref": "#/components/schemas/Tree"}, "type": "array"}, is '
    '{"items": {"$ref": "#/components/schemas/Tree"}, "maxItems": 9, "type": "array"}': lambda d: member(
        d, "all", "Tree"
    ).update(maxItems=9),
}

FINE: dict[str, Change] = {
    "nothing": lambda d: None,
    "another path": lambda d: d["paths"].update({"/new": {"get": {}}}),
    "another operation": lambda d: d["paths"]["/users"].update(patch={}),
    "another parameter": lambda d: users(d)["parameters"].append(query("q")),
    "a wider parameter": lambda d: users(d)["parameters"][0]["schema"].update(maximum=500),
    "another value": lambda d: users(d)["parameters"][1]["schema"]["enum"].append("email"),
    "optional content": lambda d: users(d).update(requestBody={"content": {}}),
    "another media type": lambda d: users(d, "post")["requestBody"]["content"].update({"text/plain": {}}),
    "another optional member": lambda d: schema(d, "NewUser")["properties"].update(kind={"type": "string"}),
    "what need not be said any more": lambda d: schema(d, "NewUser")["required"].clear(),
    "a longer name": lambda d: member(d, "name", "NewUser").update(maxLength=200),
    "another status": lambda d: users(d)["responses"].update({"409": {}}),
    "another field": lambda d: users(d)["responses"]["200"]["headers"].update(New={"schema": {"type": "string"}}),
    "another member given": lambda d: schema(d, "User")["properties"].update(kind={"type": "string"}),
    "another value given": lambda d: member(d, "status", "User")["enum"].append("invited"),
    "a member always given": lambda d: schema(d, "User")["required"].append("note"),
    "another member of an event": lambda d: event_data(d).update(by={"type": "string"}),
    "a shorter note given": lambda d: member(d, "note", "User").update(maxLength=4),
    "one permission less": lambda d: users(d).update({"x-permission": "signed-in"}),
    "no credential": lambda d: users(d, "post").update({"x-permission": "public", "security": []}),
    "another credential": lambda d: users(d, "post")["security"].append({"api_key": []}),
    "another name for a schema": lambda d: (
        d["components"]["schemas"].update(Person=schema(d, "User")),
        users(d, "post")["responses"]["201"]["content"]["application/json"].update(
            schema={"$ref": "#/components/schemas/Person"}
        ),
    ),
    "texts": lambda d: (users(d).update(summary="x"), users(d)["parameters"][0].update(description="y")),
}


def changed(change: Change) -> dict[str, Any]:
    document = deepcopy(DOCUMENT)
    change(document)
    return document


@pytest.mark.parametrize("line", BREAKING)
def test_what_breaks_is_told_in_a_line(line: str) -> None:
    assert breaks(DOCUMENT, changed(BREAKING[line]), TODAY) == [line]


@pytest.mark.parametrize("change", FINE.values(), ids=FINE)
def test_what_is_added_breaks_nobody(change: Change) -> None:
    assert breaks(DOCUMENT, changed(change), TODAY) == []


@pytest.mark.parametrize(
    ("sunset", "gone"), [(None, False), ("2026-06-02", False), ("2026-06-01", True), ("2026-01-31", True)]
)
def test_what_was_announced_may_go_when_its_day_has_come(sunset: str | None, gone: bool) -> None:
    announced = changed(lambda d: users(d).update({"deprecated": True, "x-sunset": sunset} if sunset else {}))
    lines = breaks(announced, changed(lambda d: d["paths"]["/users"].pop("get")), TODAY)
    assert lines == ([] if gone else ["GET /users: the operation is gone"])


def test_a_document_that_was_read_from_the_service_fits_itself() -> None:
    document = contract()
    assert breaks(document, document, TODAY) == []
    assert document["paths"]["/api/v1/users"]["post"]["operationId"]
    properties = document["components"]["schemas"]["Document"]["properties"]
    assert {"title", "status"} <= properties.keys(), "members may be called like keywords"
    assert "title" not in properties["language"]


VALUES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["", "a", "b", "abc"]))
PLAIN = st.one_of(
    st.just({"type": "null"}),
    st.just({"type": "boolean"}),
    st.fixed_dictionaries({"type": st.just("integer")}, optional={"minimum": st.integers(-2, 2)}),
    st.fixed_dictionaries({"type": st.just("string")}, optional={"maxLength": st.integers(0, 3)}),
    st.fixed_dictionaries({"type": st.just("string"), "enum": st.lists(st.sampled_from(["a", "b"]), min_size=1)}),
)
NAMES = st.sampled_from(["a", "b", "enum"])


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(NAMES, inner)},
        optional={"required": st.lists(NAMES, unique=True), "additionalProperties": st.just(False)},
    )
    arrays = st.fixed_dictionaries({"type": st.just("array"), "items": inner})
    return st.one_of(objects, arrays, st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=2)}))


SCHEMAS = st.recursive(PLAIN, nested, max_leaves=4)
INSTANCES = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner), max_leaves=4
)


@given(SCHEMAS, SCHEMAS, st.lists(INSTANCES, min_size=1, max_size=20))
def test_what_is_called_fine_takes_everything_that_was_taken(old: Any, new: Any, instances: list[Any]) -> None:
    lines = list(SchemaComparison({}, {}).breaks("x", old, new, Side.REQUEST))
    taken = [instance for instance in instances if is_valid(old, instance)]
    refused = [instance for instance in taken if not is_valid(new, instance)]
    assume(lines or taken)
    assert lines or not refused
    assert list(SchemaComparison({}, {}).breaks("x", new, new, Side.REQUEST)) == []
