"""Cells of an export: nothing that a spreadsheet would carry out."""

import pytest

from entrypoints.cli.audit_export import harmless


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_formulas_are_defused(start: str) -> None:
    assert harmless(f"{start}1+1") == f"'{start}1+1"


def test_everything_else_stays() -> None:
    assert [harmless(value) for value in (None, 7, "Ada", "a=1", '{"a":1}')] == ["", "7", "Ada", "a=1", '{"a":1}']
