"""The OpenAPI 3.1 document: FastAPI's own, with what the dependencies of each route say about themselves."""

import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from domain.shared.errors import NotFound, StorageFull, Unavailable
from entrypoints.http.bodies import MergePatch, patch_name
from entrypoints.http.content import JSON
from entrypoints.http.documented import (
    FIELDS,
    SCHEMA_REFERENCE,
    Documented,
    add_fields,
    add_parameter,
    add_problem,
    add_refusal,
    enum_names,
)
from entrypoints.http.limits import LIMIT_FIELDS, describe_fields
from entrypoints.http.problems import INTERNAL, MEDIA_TYPE

DESCRIPTION: Final = """Identity, a permission-aware knowledge base with cited answers, audit and operations.

Sign in at `/api/v1/auth/token`, or send an API key. Every refusal is a problem (RFC 9457) whose `type` leads to a page
that explains it. Lists are paged by opaque cursors. `PATCH` takes JSON merge patches (RFC 7396), under the name of
`application/json` too. `Idempotency-Key` makes a `POST` safe to repeat, `If-Match` keeps changes from overwriting each
other. `RateLimit` tells what the caller has left, and `Retry-After` how long to wait after a 429.

Every answer names its request in `X-Request-ID`: the one that was sent, or a new one. `HEAD` is answered wherever `GET`
is. JSON is read strictly: unknown members, repeated names, U+0000 and nesting deeper than 64 are refused.
"""

TAGS: Final = (
    ("Sign-in", "Tokens for people and scripts, and the keys to check them."),
    ("Users", "People and service accounts, and the roles that they have."),
    ("Account", "One's own account, password and sessions."),
    ("Roles", "Sets of permissions."),
    ("Groups", "Sets of users that collections are granted to."),
    ("API keys", "Secrets for programs, with scopes within the owner's permissions."),
    ("Collections", "Documents under one set of grants, which say who may read, write and manage."),
    ("Documents", "What is handed in, and what became of it."),
    ("Search", "The best chunks for a query, among those that the caller may read."),
    ("Answers", "Answers that rest on verbatim quotes."),
    ("Jobs", "Long work and its counted progress."),
    ("Audit", "Every change, by whom and when."),
    ("Operations", "Health and figures of the service."),
)

ANSWERED: Final = {"200": "The answer.", "201": "Created.", "202": "Taken in; a job does the rest.", "204": "Done."}

DATABASE_AWAY: Final = Unavailable("database_unavailable", "The database does not answer.")
DATABASE_BUSY: Final = Unavailable("database_busy", "The database has too much to do; try again.")
IN_DOUBT: Final = Unavailable("outcome_unknown", "The change is made whole or not at all; repeat it to learn which.")

VIOLATION: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["pointer", "code", "detail"],
    "properties": {
        "pointer": {
            "type": "string",
            "description": "JSON pointer into the body, or the name of a query parameter or header field.",
        },
        "code": {"type": "string"},
        "detail": {"type": "string"},
    },
}

PROBLEM: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "A refusal, RFC 9457. `code` is stable; `errors` is there for 422.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "code": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
        "request_id": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Violation"}},
        "error": {"type": "string", "description": "RFC 6749 §5.2, at the token endpoint."},
        "error_description": {"type": "string"},
        "factors": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Second factors that would do: `totp`, `passkey`, `recovery_code`.",
        },
        "passkey_options": {
            "type": "object",
            "description": "PublicKeyCredentialRequestOptionsJSON of WebAuthn, where a passkey would do.",
        },
        "max_age": {"type": "integer", "description": "RFC 9470: the seconds within which the sign-in must have been."},
        "ways": {
            "type": "array",
            "items": {"type": "string"},
            "description": "How the account can prove itself anew: `password`, `passkey`, `oidc`.",
        },
        "providers": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The OpenID providers that `oidc` among the ways stands for, by name.",
        },
    },
}


def document(app: FastAPI) -> dict[str, Any]:
    """The whole document of this application."""
    openapi = get_openapi(
        title="FastOps",
        version=version("fastops"),
        license_info={"name": "MIT", "identifier": "MIT"},
        openapi_version="3.1.0",
        description=DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS],
    )
    models: dict[type[BaseModel], bool] = {}
    for route, operation in operations(app, openapi):
        _complete(route, operation)
        for part in parts(route):
            part.describe(operation)
            models.update({model: models.get(model, False) or isinstance(part, MergePatch) for model in part.models})
        describe_fields(operation)
        _finish(operation)
    components = openapi.setdefault("components", {})
    components["examples"] = _shared_examples([operation for _, operation in operations(app, openapi)])
    components["headers"] = {**FIELDS, **LIMIT_FIELDS}
    components["schemas"] = {**_answers(components), **_inputs(models), "Problem": PROBLEM, "Violation": VIOLATION}
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "An access token or an API key."},
        "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
    }
    return _named_for_clients(openapi)


def operations(app: FastAPI, openapi: dict[str, Any]) -> Iterator[tuple[APIRoute, dict[str, Any]]]:
    """Each documented route with each of its operations."""
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                yield route, openapi["paths"][route.path_format][method.lower()]


def parts(route: APIRoute) -> list[Documented]:
    """The dependencies of a route that describe themselves."""
    found: list[Any] = [item.call for item in route.dependant.dependencies]
    return [part for part in found if isinstance(part, Documented)]


def _complete(route: APIRoute, operation: dict[str, Any]) -> None:
    """What is the same for every operation. FastAPI's own 422 goes: nothing here answers in that form."""
    operation["operationId"] = route.name
    operation["summary"] = route.name.replace("_", " ").capitalize()
    own = operation["responses"].get("422", {}).get("content", {})
    if "application/json" in own:
        del operation["responses"]["422"]
    for status, text in ANSWERED.items():
        answer = operation["responses"].get(status)
        if answer and answer.get("description") in {None, "", "Successful Response"}:
            answer["description"] = text
    for code, declared in route.responses.items():
        if "example" in declared.get("content", {}).get(JSON, {}):
            # FastAPI drops members that are null, and an example without them is none of its schema.
            operation["responses"][str(code)]["content"][JSON]["example"] = declared["content"][JSON]["example"]
    for parameter in operation.get("parameters", ()):
        parameter.setdefault("description", f"The {parameter['name'].replace('_', ' ')}, as the service gave it.")
    if route.param_convertors:
        add_problem(operation, NotFound)
    if route.methods == {"GET"}:
        _describe_revalidation(operation)
    elif route.path.startswith("/api/"):
        add_problem(operation, StorageFull)
        add_problem(operation, IN_DOUBT)
    add_refusal(operation, 500, *INTERNAL)
    add_problem(operation, DATABASE_AWAY)
    add_problem(operation, DATABASE_BUSY)


def _describe_revalidation(operation: dict[str, Any]) -> None:
    """What is read with its ETag need not be sent again to those who have this state."""
    if "ETag" in operation["responses"].get("200", {}).get("headers", ()):
        description = "The ETags that the client has; 304 where the present one is among them."
        add_parameter(operation, "header", "If-None-Match", {"type": "string"}, description)
        operation["responses"]["304"] = {"description": "The client has this state already."}
        add_fields(operation["responses"]["304"], "ETag")


def _finish(operation: dict[str, Any]) -> None:
    permission = operation["x-permission"]
    if permission not in {"public", "signed-in"}:
        operation["description"] += f"\n\nNeeds the permission `{permission}`."
    for answer in operation["responses"].values():
        add_fields(answer, "X-Request-ID")


def _named_for_clients(openapi: dict[str, Any]) -> dict[str, Any]:
    """The document with the names that generated clients should have: what is given is a `User`, not a `UserOut`.

    Values that are no names, such as `users:read`, get one beside them, or clients would number them.
    """
    text = re.sub(r'("#/components/schemas/\w+)Out"', r'\1"', json.dumps(openapi))
    named: dict[str, Any] = json.loads(text)
    schemas = {name.removesuffix("Out"): schema for name, schema in named["components"]["schemas"].items()}
    assert len(schemas) == len(named["components"]["schemas"]), "two schemas would have one name"
    for name, schema in schemas.items():
        schema["title"] = name
        if "enum" in schema:
            schema |= enum_names(schema["enum"])
    named["components"]["schemas"] = dict(sorted(schemas.items()))
    return named


def _shared_examples(described: list[dict[str, Any]]) -> dict[str, Any]:
    """The example of each refusal once, by its code; the operations refer to it."""
    examples: dict[str, Any] = {}
    for operation in described:
        operation["responses"] = dict(sorted(operation["responses"].items()))
        for answer in operation["responses"].values():
            named = answer.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {})
            for code in named:
                examples.setdefault(code, named[code])
                named[code] = {"$ref": f"#/components/examples/{code}"}
    return dict(sorted(examples.items()))


def _answers(components: dict[str, Any]) -> dict[str, Any]:
    schemas = components.get("schemas", {})
    return {name: schema for name, schema in schemas.items() if name not in {"HTTPValidationError", "ValidationError"}}


def _inputs(models: dict[type[BaseModel], bool]) -> dict[str, Any]:
    """Schemas of what is taken in; for merge patches also the form in which nothing is required."""
    _, definitions = models_json_schema([(model, "validation") for model in models], ref_template=SCHEMA_REFERENCE)
    schemas: dict[str, Any] = definitions.get("$defs", {})
    for model, is_patched in models.items():
        if is_patched:
            schemas[patch_name(model)] = _patch_of(schemas[model.__name__], patch_name(model))
    return schemas


def _patch_of(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """The form in which nothing is required, and null takes away what need not be there (RFC 7396)."""
    needed = schema.get("required", ())
    members = {}
    for member, full in schema["properties"].items():
        members[member] = {key: value for key, value in full.items() if key != "default"}
        if member not in needed and "anyOf" not in full:
            kept = {key: members[member].pop(key) for key in ("title", "description") if key in full}
            members[member] = kept | {"anyOf": [members[member], {"type": "null"}]}
    return {key: value for key, value in schema.items() if key != "required"} | {"properties": members, "title": name}
