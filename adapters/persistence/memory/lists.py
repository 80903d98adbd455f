"""Keyset pages over rows in memory, from the same listings as on SQL."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.persistence.listings import Filter, Listing, Match, cursor_after, cursor_value, folded
from adapters.persistence.tracking import Row
from domain.shared.values import Cursor, ListQuery

_MATCHES: dict[Match, Callable[[Row, Filter, Any], bool]] = {
    Match.EQUAL: lambda row, wanted, value: all(row[name] == value for name in wanted.columns),
    Match.CONTAINS: lambda row, wanted, value: any(folded(value) in folded(row[name]) for name in wanted.columns),
    Match.OWNED: lambda row, wanted, value: any(item[wanted.columns[1]] == value for item in row[wanted.columns[0]]),
    Match.FROM: lambda row, wanted, value: row[wanted.columns[0]] >= value,
    Match.BEFORE: lambda row, wanted, value: row[wanted.columns[0]] < value,
}


def page_of(rows: Sequence[Row], listing: Listing, query: ListQuery) -> tuple[list[Row], Cursor | None]:
    """One page of the rows that fit, in the sort's order, and the cursor of the next page."""
    column, tie = listing.sort_column(query), listing.tie
    wanted = listing.wanted(query)
    found = [row for row in rows if all(_MATCHES[item.match](row, item, value) for item, value in wanted)]
    found.sort(key=lambda row: _place(row[column], row[tie]), reverse=query.sort.descending)
    if query.cursor is not None and found:
        value = cursor_value(query.cursor, _type(found[0][column]))
        after = _place(value, cursor_value(Cursor(query.cursor.id, ""), _type(found[0][tie])))
        places = [(_place(row[column], row[tie]), row) for row in found]
        found = [row for place, row in places if (place < after if query.sort.descending else place > after)]
    page = found[: query.limit]
    return page, cursor_after(page[-1], column, tie) if len(found) > query.limit else None


def _place(value: Any, tie: Any) -> tuple[Any, Any]:
    return value.encode() if isinstance(value, str) else value, tie


def _type(value: Any) -> type:
    for kind in (datetime, UUID, int):
        if isinstance(value, kind):
            return kind
    return str
