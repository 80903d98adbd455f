"""What the service sets cannot be sent: every member of its answers that no body has is refused in every body."""

from collections.abc import Iterator
from typing import Any

from tests.http.operations import Described, described
from tests.http.service import Caller, Service
from tests.http.test_problems import assert_problem

ALWAYS = {"admin", "created_by", "deleted_at", "is_admin", "owner", "password_hash", "permissions", "secret_hash"}
"""Members that no answer shows, or that programs of this kind keep."""


def server_set(service: Service) -> dict[str, Any]:
    """Members of the resources that are answered, with values in their form."""
    schemas = service.app.openapi()["components"]["schemas"]
    shown: dict[str, Any] = {}
    for content in _answered(service):
        shown |= _properties(schemas, content["schema"])
    return {name: _value(schema) for name, schema in shown.items()} | dict.fromkeys(ALWAYS, "x")


async def test_members_that_the_service_sets_are_refused_everywhere(service: Service) -> None:
    admin = await service.person("admin")
    members = server_set(service)
    assert {
        "id",
        "version",
        "created_at",
        "updated_at",
        "owner_id",
        "status",
        "secret",
        "email_verified",
    } <= members.keys()
    schemas = service.app.openapi()["components"]["schemas"]
    tried = 0
    for operation in described(service.app):
        for media, example in operation.json_bodies.items():
            content = operation.document["requestBody"]["content"][media]
            taken = _properties(schemas, content["schema"]).keys()
            for name in members.keys() - taken:
                answer = await _send(admin, operation, media, example | {name: members[name]})
                problem = assert_problem(answer, 422, "invalid")
                assert "unknown_member" in {item["code"] for item in problem["errors"]}, (str(operation), name)
                tried += 1
    assert tried > 500


async def _send(caller: Caller, operation: Described, media: str, content: dict[str, Any]) -> Any:
    headers = {"Content-Type": media, "If-Match": "*"}
    return await caller(operation.method, operation.path, content, headers=headers)


def _answered(service: Service) -> Iterator[dict[str, Any]]:
    """What successful answers contain."""
    for operation in described(service.app):
        for status, answer in operation.document["responses"].items():
            if status.startswith("2"):
                yield from (content for media, content in answer.get("content", {}).items() if media.endswith("json"))


def _properties(schemas: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    return dict(schema.get("properties", {}))


def _value(schema: dict[str, Any]) -> Any:
    """Something of the type, so that it is not refused for its type."""
    kinds = {"integer": 1, "number": 1.5, "boolean": True, "array": [], "object": {}, "null": None}
    return kinds.get(schema.get("type", "string"), "019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70")
