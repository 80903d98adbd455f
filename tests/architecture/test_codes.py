"""Every code that the product can give is explained, in the guide and so on its page, and nothing else is."""

import re

from entrypoints.http.handbook import sections
from tests.codes import UNREACHABLE, problem_codes, violation_codes

ENTRY = re.compile(r"^- (`[^:]+`): ", re.MULTILINE)


def test_every_code_is_explained_and_nothing_else_is() -> None:
    given, explained = problem_codes(), sections("problems.md").keys()
    assert {code: given[code] for code in given.keys() - explained} == {}, "explain these in docs/guide/problems.md"
    assert explained - given.keys() == set(), "nothing gives these any more"


def test_every_code_is_explained_with_a_status_that_it_has() -> None:
    told = {code: int(text.removeprefix("Status ")[:3]) for code, text in sections("problems.md").items()}
    given = problem_codes()
    assert {code: given[code].statuses for code, status in told.items() if status not in given[code].statuses} == {}


def test_every_code_of_an_entry_in_errors_is_explained_and_nothing_else_is() -> None:
    given, items = violation_codes(), ENTRY.findall("\n".join(sections("problems.md").values()))
    explained = {code for item in items for code in re.findall(r"`([a-z_]+)`", item)}
    missing = given.keys() - explained - problem_codes().keys()
    assert {code: given[code] for code in missing} == {}, "list these in docs/guide/problems.md"
    assert explained - given.keys() == set(), "nothing gives these any more"


def test_exceptions_are_codes_that_are_given() -> None:
    assert UNREACHABLE.keys() <= problem_codes().keys()
