"""What pydantic found wrong, said in the words of the product: where, which rule, and why, never what was sent.

The names of members and parameters are input too: only those that the model knows are repeated.
"""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from domain.shared.errors import Violation

Wording = tuple[str, str]
"""Code and detail; `{…}` is filled in from the context of the rule."""

WORDINGS: Mapping[str, Wording] = {
    "missing": ("missing", "This member is required."),
    "extra_forbidden": ("unknown_member", "Only these members are taken here: {known}."),
    "string_type": ("type", "Use a text."),
    "string_too_short": ("length", "Use at least {min_length} characters."),
    "string_too_long": ("length", "Use at most {max_length} characters."),
    "string_pattern_mismatch": ("form", "This text does not have the form that /openapi.json states for it."),
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


def violations_of(error: ValidationError, model: type[BaseModel]) -> list[Violation]:
    """Everything that is wrong with a JSON body for `model`, each at a JSON pointer (RFC 6901).

    An unknown member is told at the object that it stands in.
    """
    return list(dict.fromkeys(_located(item, model) for item in _found(error)))


def parameter_violations(error: ValidationError) -> list[Violation]:
    """Everything that is wrong with known query parameters, located by their names."""
    return [_violation(item, str(item["loc"][0]) if item["loc"] else "query") for item in _found(error)]


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model by the names that clients use."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _found(error: ValidationError) -> list[Any]:
    return list(error.errors(include_url=False, include_input=False))


def _located(item: Any, model: type[BaseModel]) -> Violation:
    """The violation at the end of its location, as far as the model knows the way."""
    pointer, here = "", model
    for step in item["loc"]:
        if isinstance(step, str):
            field = fields_of(here).get(step)
            if field is None:
                break
            here = _model_in(field.annotation) or here
        pointer += f"/{step}"
    return _violation(item, pointer, known=", ".join(fields_of(here)) or "none")


def _violation(item: Any, pointer: str, **context: str) -> Violation:
    code, detail = WORDINGS.get(item["type"], OTHER)
    return Violation(pointer, code, detail.format_map({**item.get("ctx", {}), **context}))


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation such as `list[Model] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_in(part)) is not None), None)
