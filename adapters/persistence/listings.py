"""What each list of the product sorts and filters by, as data that every store interprets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from domain.shared.entity import plain
from domain.shared.errors import Invalid, Malformed, Violation
from domain.shared.values import Cursor, ListQuery

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


class Match(StrEnum):
    """How a filter compares: texts byte by byte, but CONTAINS without regard to the case of ASCII letters."""

    EQUAL = "equal"
    CONTAINS = "contains"
    OWNED = "owned"
    FROM = "from"
    BEFORE = "before"


@dataclass(frozen=True)
class Filter:
    """`columns` are alternatives; for OWNED the member of the row and the column of its rows.

    `prefix` stands before each value in a column that holds more than what is asked for.
    """

    match: Match
    columns: tuple[str, ...]
    prefix: str = ""

    def value(self, asked: Any) -> Any:
        """What the columns are compared with."""
        return f"{self.prefix}{asked}" if self.prefix else asked


@dataclass(frozen=True)
class Listing:
    """Sort keys are immutable or unique columns, each with `tie` as tie-break."""

    table: str
    sorts: Mapping[str, str] = field(default_factory=lambda: {"created_at": "created_at"})
    filters: Mapping[str, Filter] = field(default_factory=dict)
    tie: str = "id"

    def sort_column(self, query: ListQuery) -> str:
        column = self.sorts.get(query.sort.key)
        if column is None:
            allowed = ", ".join(sorted(self.sorts))
            raise Invalid(violations=[Violation("sort", "unknown_sort", f"Sort by one of: {allowed}.")])
        return column

    def wanted(self, query: ListQuery) -> list[tuple[Filter, Any]]:
        unknown = set(query.filters) - set(self.filters)
        if unknown:
            detail = f"Filter by: {', '.join(sorted(self.filters))}."
            raise Invalid(violations=[Violation("query", "unknown_filter", detail)])
        found = [(self.filters[name], value) for name, value in query.filters.items() if value is not None]
        return [(wanted, wanted.value(value)) for wanted, value in found]


def folded(text: str) -> str:
    """ASCII letters in lower case and all others as they are: what databases make of columns of type `key_text`."""
    return text.translate(_LOWER)


def equal(*columns: str) -> Filter:
    return Filter(Match.EQUAL, columns)


USERS = Listing(
    "users",
    sorts={"created_at": "created_at", "name": "name", "email": "email"},
    filters={
        "email": equal("email"),
        "status": equal("status"),
        "role": Filter(Match.OWNED, ("roles", "role")),
        "q": Filter(Match.CONTAINS, ("name", "email")),
    },
)
GROUPS = Listing(
    "user_groups",
    sorts={"created_at": "created_at", "name": "name"},
    filters={
        "name": equal("name"),
        "q": Filter(Match.CONTAINS, ("name",)),
        "member": Filter(Match.OWNED, ("members", "user_id")),
    },
)
API_KEYS = Listing("api_keys", sorts={"created_at": "created_at", "name": "name"})
SESSIONS = Listing("sessions")
COLLECTIONS = Listing(
    "collections",
    sorts={"created_at": "created_at", "name": "name"},
    filters={"name": equal("name"), "q": Filter(Match.CONTAINS, ("name",))},
)
DOCUMENTS = Listing(
    "documents",
    filters={name: equal(name) for name in ("status", "media_type", "content_hash")}
    | {"external_id": Filter(Match.EQUAL, ("dedupe_key",), prefix="id:")},
)
CHUNKS = Listing("chunks", sorts={"ordinal": "ordinal"}, tie="ordinal")
"""Without ids, which a document that is ingested again gives its chunks anew."""

JOBS = Listing("jobs", filters={name: equal(name) for name in ("status", "kind", "subject_id")})
AUDIT = Listing(
    "journal",
    sorts={"at": "at"},
    filters={
        "actor": equal("actor_id"),
        "action": equal("operation"),
        "target_type": equal("target_type"),
        "target_id": equal("target_id"),
        "from": Filter(Match.FROM, ("at",)),
        "to": Filter(Match.BEFORE, ("at",)),
    },
)
SEALS = Listing("journal_seals", sorts={"number": "number"}, tie="number")


def cursor_after(row: Mapping[str, Any], column: str, tie: str) -> Cursor:
    """The cursor that continues behind this row."""
    return Cursor(str(plain(row[column])), str(plain(row[tie])))


def cursor_value(cursor: Cursor, like: type) -> Any:
    """The sort value of a cursor in the type of its column. Raises Malformed `cursor_invalid`."""
    try:
        if like is datetime:
            return datetime.fromisoformat(cursor.value)
        return like(cursor.value)
    except ValueError as error:
        raise Malformed("cursor_invalid", "This cursor is not of this list; start without one.") from error
