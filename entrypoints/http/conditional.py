"""Preconditions of RFC 9110 §13: entity tags from versions, If-None-Match for reads, If-Match for changes."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel

from domain.shared.errors import Conflict, PreconditionRequired, StaleVersion
from entrypoints.http.documented import add_parameter, add_problem
from entrypoints.http.exchange import exchange_of

ATTEMPTS = 5
NEVER = -1
"""A version that nothing has: a failed precondition is passed on as this, so that the service's checks come first."""

_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_TAGS = re.compile(rf"[ \t,]*{_TAG.pattern}(?:[ \t]*(?:,[ \t]*)+{_TAG.pattern})*[ \t,]*")
"""A list of entity tags, RFC 9110 §8.8.3 and §5.6.1: empty elements are passed over."""


class Versioned(Protocol):
    """A view of one aggregate, or of a part of it."""

    @property
    def version(self) -> int: ...


class Identified(Versioned, Protocol):
    @property
    def id(self) -> UUID: ...


V = TypeVar("V", bound=Versioned)
R = TypeVar("R")


def tag_of(view: Identified) -> str:
    return tag(view.id, view.version)


def tag(identifier: UUID, version: int) -> str:
    """A strong entity tag: equal for equal state only, on every replica and after every restart."""
    return f'"{identifier.hex[-12:]}.{version}"'


def is_known(if_none_match: str | None, current: str) -> bool:
    """Whether If-None-Match names the current tag, by weak comparison; then a read answers 304."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or any(opaque == current for _, opaque in _tags(if_none_match))


def _tags(field: str) -> list[tuple[str, str]]:
    """The weakness and the quoted opaque part of each tag; none where the field is no list of tags."""
    return _TAG.findall(field) if _TAGS.fullmatch(field) else []


@dataclass(frozen=True, slots=True)
class Precondition:
    """What If-Match asks: any state (`*`), one of `tags`, or nothing at all where the field is missing."""

    given: bool
    any: bool
    tags: frozenset[str]
    required: bool

    @classmethod
    def read(cls, field: str | None, *, required: bool) -> "Precondition":
        """By strong comparison: weak tags, and what is no tag, fit nothing."""
        text = (field or "").strip()
        tags = frozenset(opaque for weak, opaque in _tags(text) if not weak)
        return cls(field is not None, text == "*", tags, required)

    async def hold(
        self,
        seen: Callable[[], Awaitable[V]],
        change: Callable[[V, int], Awaitable[R]],
        tag: Callable[[V], str],
    ) -> R:
        """Read, hold the field against what was seen, and change exactly that version.

        Raises PreconditionRequired where the field must be there, StaleVersion where it names another state; both
        after the refusals of the service. Where the client names no state, a change in between is taken in and the
        verb is tried again.
        """
        for _ in range(ATTEMPTS):
            view = await seen()
            try:
                return await change(view, view.version if self._fits(tag(view)) else NEVER)
            except StaleVersion:
                if not self.given and self.required:
                    raise PreconditionRequired from None
                if self.given and not self.any:
                    raise
        raise Conflict("changed_too_often", "It is being changed by others all the time; try again.")

    def _fits(self, current: str) -> bool:
        if not self.given:
            return not self.required
        return self.any or current in self.tags


class IfMatch:
    """The If-Match field of a request."""

    def __init__(self, *, required: bool) -> None:
        self._required = required

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        return ()

    async def __call__(self, request: Request) -> Precondition:
        return Precondition.read(exchange_of(request).header(b"if-match"), required=self._required)

    def describe(self, operation: dict[str, Any]) -> None:
        description = "The ETag that was last seen, or * to change whatever is there."
        add_parameter(operation, "header", "If-Match", {"type": "string"}, description, required=self._required)
        add_problem(operation, StaleVersion)
        if self._required:
            add_problem(operation, PreconditionRequired)


def if_match(*, required: bool = True) -> Any:
    return Depends(IfMatch(required=required))
