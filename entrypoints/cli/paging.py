"""Whole lists for the terminal, read page by page."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from domain.shared.values import LIST_LIMIT_MAX, ListQuery, Page

T = TypeVar("T")


async def everything(page: Callable[[ListQuery], Awaitable[Page[T]]], filters: Mapping[str, Any]) -> list[T]:
    """All items that `page` gives, in its default order."""
    items: list[T] = []
    query = ListQuery(limit=LIST_LIMIT_MAX, filters=filters)
    while True:
        found = await page(query)
        items += found.items
        if found.next is None:
            return items
        query = ListQuery(limit=LIST_LIMIT_MAX, filters=filters, cursor=found.next)
