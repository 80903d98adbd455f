"""The rules for free metadata: a small JSON object that every store can keep."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from domain.shared.errors import Invalid, Violation

BYTES_MAX = 16 * 1024
DEPTH_MAX = 8
KEY_MAX = 100
_CHARACTERS = "Texts hold neither NUL nor lone surrogates."
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def check_metadata(metadata: Mapping[str, Any], pointer: str = "/metadata") -> Mapping[str, Any]:
    """The metadata again, as it was. Raises Invalid where it is not JSON, too deep or too large to keep."""
    fault = _fault(metadata, 1, pointer)
    if fault is None and len(json.dumps(metadata, ensure_ascii=False).encode()) > BYTES_MAX:
        fault = Violation(pointer, "too_large", f"Use at most {BYTES_MAX // 1024} KiB of JSON.")
    if fault is not None:
        raise Invalid(violations=[fault])
    return metadata


def storable(text: str) -> bool:
    """Whether every store can keep the text: no NUL, no lone surrogates."""
    return _UNSTORABLE.search(text) is None


def _fault(value: object, depth: int, pointer: str) -> Violation | None:
    if depth > DEPTH_MAX:
        return Violation(pointer, "too_deep", f"Nest at most {DEPTH_MAX} deep.")
    if depth == 1 and not isinstance(value, Mapping):
        return Violation(pointer, "type", "Metadata is an object.")
    if isinstance(value, str):
        return None if storable(value) else Violation(pointer, "characters", _CHARACTERS)
    if isinstance(value, Mapping):
        faults = (_key_fault(key, pointer) or _fault(item, depth + 1, pointer) for key, item in value.items())
        return next((fault for fault in faults if fault), None)
    if isinstance(value, (list, tuple)):
        return next((fault for item in value if (fault := _fault(item, depth + 1, pointer))), None)
    if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return None
    return Violation(pointer, "type", "Use texts, numbers, true, false, null, lists and objects.")


def _key_fault(key: object, pointer: str) -> Violation | None:
    if isinstance(key, str) and 1 <= len(key) <= KEY_MAX and storable(key):
        return None
    return Violation(pointer, "name", f"Names of members have 1 to {KEY_MAX} characters.")
