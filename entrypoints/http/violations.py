"""What pydantic found wrong, said in the words of the product: where, which rule, and why, never what was sent."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from domain.shared.errors import Violation

_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")

Wording = tuple[str, str]
"""Code and detail; `{…}` is filled in from the context of the rule."""

WORDINGS: Mapping[str, Wording] = {
    "missing": ("missing", "This member is required."),
    "extra_forbidden": ("unknown_member", "There is no such member here."),
    "string_type": ("type", "Use a text."),
    "string_too_short": ("length", "Use at least {min_length} characters."),
    "string_too_long": ("length", "Use at most {max_length} characters."),
    "string_pattern_mismatch": ("form", "This text does not have the right form."),
    "int_type": ("type", "Use a whole number."),
    "int_from_float": ("type", "Use a whole number."),
    "int_parsing": ("type", "Use a whole number."),
    "float_type": ("type", "Use a number."),
    "bool_type": ("type", "Use true or false."),
    "bool_parsing": ("type", "Use true or false."),
    "list_type": ("type", "Use a list."),
    "set_type": ("type", "Use a list."),
    "frozen_set_type": ("type", "Use a list."),
    "tuple_type": ("type", "Use a list."),
    "dict_type": ("type", "Use an object."),
    "model_type": ("type", "Use an object."),
    "model_attributes_type": ("type", "Use an object."),
    "too_short": ("length", "Give at least {min_length}."),
    "too_long": ("length", "Give at most {max_length}."),
    "enum": ("not_allowed", "Use one of {expected}."),
    "literal_error": ("not_allowed", "Use one of {expected}."),
    "greater_than": ("out_of_range", "Use more than {gt}."),
    "greater_than_equal": ("out_of_range", "Use at least {ge}."),
    "less_than": ("out_of_range", "Use less than {lt}."),
    "less_than_equal": ("out_of_range", "Use at most {le}."),
    "uuid_parsing": ("form", "Use an id as the service gives them."),
    "uuid_type": ("form", "Use an id as the service gives them."),
    "datetime_form": ("form", "Use a time of RFC 3339 with its offset, such as 2026-01-31T12:00:00Z."),
}
OTHER: Wording = ("invalid", "This value breaks a rule.")


def violations_of(error: ValidationError) -> list[Violation]:
    """Everything that is wrong with a JSON body, located by JSON pointers (RFC 6901)."""
    return [_violation(item, _pointer(item["loc"])) for item in _found(error)]


def parameter_violations(error: ValidationError) -> list[Violation]:
    """Everything that is wrong with query parameters, located by their names."""
    return [_violation(item, name_of(str(item["loc"][0])) if item["loc"] else "query") for item in _found(error)]


def name_of(name: str) -> str:
    """A parameter's name where it looks like one; whatever else a client made up is called `query`."""
    return name if _NAME.fullmatch(name) else "query"


def _found(error: ValidationError) -> list[Any]:
    return list(error.errors(include_url=False, include_input=False))


def _violation(item: Any, pointer: str) -> Violation:
    code, detail = WORDINGS.get(item["type"], OTHER)
    return Violation(pointer, code, detail.format_map(item.get("ctx", {})))


def _pointer(location: tuple[int | str, ...]) -> str:
    """The place in the body; it ends at the first name that does not look like one, because that is input too."""
    steps: list[str] = []
    for step in location:
        name = str(step)
        if not _NAME.fullmatch(name):
            break
        steps.append("/" + name)
    return "".join(steps)
