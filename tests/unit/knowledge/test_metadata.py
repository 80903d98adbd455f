"""Metadata: what every store can keep, and nothing else."""

from typing import Any

import pytest

from domain.knowledge.metadata import BYTES_MAX, DEPTH_MAX, KEY_MAX, check_metadata, storable
from domain.shared.errors import Invalid

DEEP: Any = "x"
for _ in range(DEPTH_MAX):
    DEEP = {"a": DEEP}


@pytest.mark.parametrize("metadata", [{}, {"a": [1, 2.5, None, True, {"b": "é\n"}]}, DEEP["a"]])
def test_json_objects_are_kept_as_they_are(metadata: dict[str, Any]) -> None:
    assert check_metadata(metadata) is metadata


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ([], "type"),
        ("x", "type"),
        ({"a": object()}, "type"),
        ({"a": [b"x"]}, "type"),
        ({"a": float("nan")}, "type"),
        ({"a": float("inf")}, "type"),
        ({1: "a"}, "name"),
        ({"": "a"}, "name"),
        ({"a" * (KEY_MAX + 1): "a"}, "name"),
        ({"a": {"b\x00": 1}}, "name"),
        ({"a": "\x00"}, "characters"),
        ({"a": ["\ud800"]}, "characters"),
        (DEEP, "too_deep"),
        ({"a": "é" * (BYTES_MAX // 2)}, "too_large"),
    ],
)
def test_what_cannot_be_kept_is_refused(metadata: Any, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_metadata(metadata)
    assert [(violation.pointer, violation.code) for violation in refused.value.violations] == [("/metadata", code)]


def test_text_without_nul_and_lone_surrogates_is_storable() -> None:
    assert storable("né\n😀")
    assert not storable("a\x00")
    assert not storable("a\udfff")
