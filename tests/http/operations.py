"""The operations of the service as its OpenAPI document tells them, for tests that hold each of them to one rule."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI

from tests.http.service import BASE

SOME_ID = "019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


@dataclass(frozen=True)
class Described:
    """One operation. `path` leads to something that is not there; `bodies` has an example for each media type."""

    name: str
    method: str
    template: str
    path: str
    bodies: dict[str, Any]
    document: dict[str, Any]

    @property
    def json_bodies(self) -> dict[str, Any]:
        return {media: example for media, example in self.bodies.items() if media.endswith("json")}

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


def described(app: FastAPI) -> Iterator[Described]:
    for template, item in app.openapi()["paths"].items():
        for method, document in item.items():
            path = BASE + template.replace("{name}", "x")
            while "{" in path:
                path = path[: path.index("{")] + SOME_ID + path[path.index("}") + 1 :]
            content = document.get("requestBody", {}).get("content", {})
            bodies = {media: body.get("example") for media, body in content.items()}
            yield Described(document["operationId"], method.upper(), template, path, bodies, document)
