"""Lists: limit, sort and filters in, one keyset page out, with a cursor that only this service can have made."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

import orjson
from fastapi import Depends, Request
from pydantic import Field
from pydantic.functional_validators import BeforeValidator
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from domain.shared.errors import Invalid, Malformed, Violation
from domain.shared.values import LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, Cursor, ListQuery, Page, Sort
from entrypoints.http.documented import add_answer_header, add_problem, enum_names
from entrypoints.http.exchange import root_of
from entrypoints.http.provided import resolver
from entrypoints.http.queries import Parameters, Queries, read_query
from entrypoints.http.representations import json_response

T = TypeVar("T")
P = TypeVar("P", bound="ListParameters")

MAC_BYTES = 16
_cursor_key = resolver("security.cursor_key")


class CursorInvalid(Malformed):
    default_code = "cursor_invalid"
    default_detail = "This cursor is not one of this list with this filter and sort. Begin again without a cursor."


def whole_number(text: object) -> int:
    """A number of at most six digits in a query string."""
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()) or len(text) > 6:
        raise PydanticCustomError("int_parsing", "no whole number")
    return int(text)


class ListParameters(Parameters):
    """What every list takes; the lists with filters add them."""

    limit: Annotated[
        int, Field(ge=1, le=LIST_LIMIT_MAX, description="Items of one page."), BeforeValidator(whole_number)
    ] = LIST_LIMIT_DEFAULT
    cursor: Annotated[
        str | None,
        Field(
            description="Where to go on: `next_cursor` of the page before.",
            json_schema_extra={"pattern": "^[A-Za-z0-9_-]+$"},
        ),
    ] = None
    sort: Annotated[str | None, Field(description="Order of the list; a minus sign turns it round.")] = None

    def filters(self) -> dict[str, Any]:
        """The filters that were given, by their names in the query string."""
        own = self.model_dump(by_alias=True, exclude_none=True)
        return {name: value for name, value in own.items() if name not in ListParameters.model_fields}


class Listing(Queries[P], Generic[P]):
    """The list query of a request. `sorts` are the keys to sort by, the first of them descending by default."""

    def __init__(self, model: type[P], sorts: tuple[str, ...], *, descending: bool = True) -> None:
        super().__init__(model)
        self._orders = {str(Sort(key, down)): Sort(key, down) for key in sorts for down in (True, False)}
        self._default = Sort(sorts[0], descending)

    async def __call__(self, request: Request) -> ListQuery:  # type: ignore[override]
        parameters = read_query(self.model, request.scope["query_string"])
        sort = self._sort(parameters.sort)
        filters = parameters.filters()
        cursor = None
        if parameters.cursor is not None:
            cursor = opened(parameters.cursor, await _cursor_key(request), bound_to(request, filters, sort))
        return ListQuery(limit=parameters.limit, sort=sort, cursor=cursor, filters=filters)

    def describe(self, operation: dict[str, Any]) -> None:
        super().describe(operation)
        for parameter in operation["parameters"]:
            if parameter["name"] == "sort":
                orders = sorted(self._orders)
                parameter["schema"] = {"type": "string", "enum": orders, "default": str(self._default)}
                parameter["schema"] |= enum_names(orders)
        add_problem(operation, CursorInvalid)
        add_answer_header(operation, "Link", 'The next page, `rel="next"`, where there is one.')

    def _sort(self, text: str | None) -> Sort:
        if text is None:
            return self._default
        if text not in self._orders:
            detail = f"Use one of {', '.join(sorted(self._orders))}."
            raise Invalid(violations=[Violation("sort", "not_allowed", detail)])
        return self._orders[text]


def listing(model: type[P], *sorts: str, descending: bool = True) -> Any:
    return Depends(Listing(model, sorts, descending=descending))


async def page_response(request: Request, query: ListQuery, page: Page[T], items: list[Any]) -> Response:
    """The answer of a list: the items as they are shown, the next cursor, and the Link to it (RFC 8288)."""
    if page.next is None:
        return json_response({"items": items, "next_cursor": None})
    cursor = sealed(page.next, await _cursor_key(request), bound_to(request, query.filters, query.sort))
    parameters = {**query.filters, "limit": query.limit, "sort": query.sort, "cursor": cursor}
    place = root_of(request.scope) + request.scope["route"].path.format_map(request.path_params)
    link = f'<{place}?{urlencode({name: _text(value) for name, value in parameters.items()})}>; rel="next"'
    return json_response({"items": items, "next_cursor": cursor}, headers={"Link": link})


def paged(items: Sequence[T], name: Callable[[T], str], query: ListQuery) -> Page[T]:
    """A page of a short list that lies in memory, in the order of unique names."""
    ordered = sorted(items, key=name, reverse=query.sort.descending)
    if query.cursor is not None:
        after = query.cursor.value
        ordered = [item for item in ordered if (name(item) < after if query.sort.descending else name(item) > after)]
    page = ordered[: query.limit]
    more = len(ordered) > len(page)
    return Page(page, Cursor(name(page[-1]), name(page[-1])) if more else None)


def bound_to(request: Request, filters: Mapping[str, Any], sort: Sort) -> bytes:
    """What a cursor is good for: this list with this filter in this order."""
    names = {name: _text(value) for name, value in filters.items()}
    path = {name: str(value) for name, value in request.path_params.items()}
    parts = [request.scope["route"].path, path, names, str(sort)]
    return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)


def sealed(cursor: Cursor, key: bytes, bound: bytes) -> str:
    place = orjson.dumps([cursor.value, cursor.id])
    return urlsafe_b64encode(_mac(key, bound, place) + place).rstrip(b"=").decode()


def opened(text: str, key: bytes, bound: bytes) -> Cursor:
    """The place that a cursor names. Raises CursorInvalid where it was altered or made for something else."""
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        raise CursorInvalid from None
    mac, place = raw[:MAC_BYTES], raw[MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, bound, place)) or sealed_text(raw) != text:
        raise CursorInvalid
    value, identifier = orjson.loads(place)
    return Cursor(value, identifier)


def sealed_text(raw: bytes) -> str:
    """The one spelling of a cursor; base64 has several for the same bytes."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _mac(key: bytes, bound: bytes, place: bytes) -> bytes:
    return hmac.digest(key, len(bound).to_bytes(4) + bound + place, "sha256")[:MAC_BYTES]


def _text(value: Any) -> str:
    return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else str(value)
