"""A cursor is good for the list, filter and order that it was made for, and for nothing else."""

import pytest

from domain.shared.values import Cursor
from entrypoints.http.lists import CursorInvalid, opened, sealed

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
PLACE = Cursor("2026-01-01T00:00:00Z", "019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70")


def test_a_cursor_leads_back_to_its_place() -> None:
    assert opened(sealed(PLACE, KEY, b"users"), KEY, b"users") == PLACE


def test_a_cursor_of_another_list_or_service_is_refused() -> None:
    text = sealed(PLACE, KEY, b"users")
    for key, bound in ((KEY, b"users?email=x"), (OTHER_KEY, b"users")):
        with pytest.raises(CursorInvalid):
            opened(text, key, bound)


def test_each_altered_character_is_found() -> None:
    text = sealed(PLACE, KEY, b"users")
    for place, character in enumerate(text):
        other = "A" if character != "A" else "B"
        with pytest.raises(CursorInvalid):
            opened(text[:place] + other + text[place + 1 :], KEY, b"users")


@pytest.mark.parametrize("text", ["", "x", "=", "AAAA", "é", "a b", "A" * 10_000, "\x00"])
def test_what_was_never_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorInvalid):
        opened(text, KEY, b"users")


def test_a_cursor_has_one_spelling() -> None:
    text = sealed(PLACE, KEY, b"users")
    for other in (text + "=", text + "==", text + "\n", " " + text):
        with pytest.raises(CursorInvalid):
            opened(other, KEY, b"users")
