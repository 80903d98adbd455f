"""Routers whose routes build the models of their answers when the document is asked for, and not at the start."""

from collections.abc import Callable
from enum import Enum
from typing import Any

from fastapi import APIRouter
from fastapi._compat import ModelField
from fastapi.datastructures import DefaultPlaceholder
from fastapi.routing import APIRoute
from fastapi.utils import create_model_field


class DescribedRoute(APIRoute):
    """A route whose endpoint makes the whole answer, so that the model of the answer serves the document alone."""

    _answer: ModelField | None

    def __init__(self, path: str, endpoint: Callable[..., Any], *, response_model: Any = None, **options: Any) -> None:
        super().__init__(path, endpoint, response_model=None, **options)
        self.response_model = None if isinstance(response_model, DefaultPlaceholder) else response_model

    @property
    def response_field(self) -> ModelField | None:
        """The answer as FastAPI describes it."""
        if self._answer is None and self.response_model is not None:
            name = f"Response_{self.unique_id}"
            self._answer = create_model_field(name, self.response_model, mode="serialization")
        return self._answer

    @response_field.setter
    def response_field(self, field: ModelField | None) -> None:
        self._answer = field


class Router(APIRouter):
    """The routes of one resource."""

    def __init__(self, prefix: str = "", *, tags: list[str | Enum] | None = None, in_document: bool = True) -> None:
        super().__init__(prefix=prefix, tags=tags, include_in_schema=in_document, route_class=DescribedRoute)
