"""One strict reading of JSON (RFC 8259, I-JSON of RFC 7493): what two readers could take differently is refused."""

import json
import math
import re
from typing import Any, Never

from domain.shared.errors import Malformed

DEPTH_MAX = 64
INTEGER_MAX = 2**63 - 1

_LONG_NUMBER = re.compile(r"\d{19}")


class MalformedJson(Malformed):
    default_code = "malformed_json"
    default_detail = "The body is no acceptable JSON."


def parse(raw: bytes) -> Any:
    """The value that these bytes say. Raises MalformedJson for anything doubtful, and never quotes it.

    Doubtful are: bytes that are not UTF-8, repeated names, NaN and infinities, numbers beyond 64 bits or a double,
    lone surrogates, U+0000, and nesting over 64.
    """
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_number)
    except MalformedJson:
        raise
    except UnicodeDecodeError:
        raise MalformedJson(detail="The body is not UTF-8.") from None
    except RecursionError:
        raise MalformedJson(detail=f"Objects and lists are nested deeper than {DEPTH_MAX}.") from None
    except ValueError:
        raise MalformedJson(detail="The body is no JSON.") from None
    if text.count("[") + text.count("{") > DEPTH_MAX or "\\u" in text or _LONG_NUMBER.search(text):
        _inspect(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson(detail="An object names a member twice.")
    return members


def _constant(_: str) -> Never:
    raise MalformedJson(detail="NaN and infinities are no JSON.")


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedJson(detail="A number is too large.")
    return number


def _inspect(value: Any) -> None:
    """Look at every value, level by level; needed only where the text could hold something doubtful."""
    level, depth = [value], 0
    while level:
        depth += 1
        inner: list[Any] = []
        for item in level:
            if isinstance(item, (dict, list)):
                if depth > DEPTH_MAX:
                    raise MalformedJson(detail=f"Objects and lists are nested deeper than {DEPTH_MAX}.")
                inner += [*item.keys(), *item.values()] if isinstance(item, dict) else item
            elif isinstance(item, str):
                _text(item)
            elif isinstance(item, int) and not -INTEGER_MAX - 1 <= item <= INTEGER_MAX:
                raise MalformedJson(detail="A number is too large.")
        level = inner


def _text(text: str) -> None:
    if "\0" in text or (not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)):
        raise MalformedJson(detail="A text holds U+0000 or half of a surrogate pair.")
