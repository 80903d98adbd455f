"""Small values that every context speaks: ids, instants, lists and their cursors."""

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, NewType, TypeVar
from uuid import UUID

from domain.shared.errors import Invalid, Violation

T = TypeVar("T")
U = TypeVar("U")

Instant = datetime
"""A point in time, timezone-aware, in UTC, kept to the microsecond."""

Version = NewType("Version", int)
"""Counts the changes of one aggregate from 1; equal versions mean equal state."""

LIST_LIMIT_DEFAULT = 50
LIST_LIMIT_MAX = 200


_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def instant(text: str) -> Instant:
    """The time that an RFC 3339 text tells, in UTC and to the microsecond.

    Raises ValueError for every other form, and for times that no datetime can hold. Those without an offset are
    nobody's time, so they are among them.
    """
    if not _RFC_3339.fullmatch(text):
        raise ValueError(text)
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper())).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then 74 random bits. Sorts by the time of making."""
    raw = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10))
    raw = raw & ~(0xF << 76) | 0x7 << 76
    return UUID(int=raw & ~(0x3 << 62) | 0x2 << 62)


def earliest_id(at: Instant) -> UUID:
    """What sorts before all ids that are made from this moment on."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


@dataclass(frozen=True, slots=True)
class Sort:
    """An order over one immutable key, with the id as tie-break in the same direction."""

    key: str = "created_at"
    descending: bool = True

    def __str__(self) -> str:
        return f"-{self.key}" if self.descending else self.key


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page starts: after this sort value and id. Entrypoints sign it and bind it to filter and sort."""

    value: str
    id: str


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What part of a list is wanted. Every list of the product takes this and gives a `Page`."""

    limit: int = LIST_LIMIT_DEFAULT
    sort: Sort = field(default_factory=Sort)
    cursor: Cursor | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= LIST_LIMIT_MAX:
            raise Invalid(violations=[Violation("limit", "out_of_range", f"Use 1 to {LIST_LIMIT_MAX}.")])


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a keyset-paged list; `next` is None on the last one."""

    items: Sequence[T]
    next: Cursor | None = None

    def map(self, convert: Callable[[T], U]) -> "Page[U]":
        return Page([convert(item) for item in self.items], self.next)
