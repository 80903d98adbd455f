"""Preconditions: no change without the state it was made for, and the service's own refusals come first."""

from dataclasses import dataclass
from uuid import UUID

import pytest

from domain.shared.errors import Conflict, Forbidden, PreconditionRequired, StaleVersion
from entrypoints.http.conditional import NEVER, Precondition, is_known, tag_of

ID = UUID("019a3c4e-7b10-7cc3-9d5e-2f6a8b1c4d70")


@dataclass
class View:
    id: UUID = ID
    version: int = 3


class Resource:
    """Something with a version that others change now and then."""

    def __init__(self, moves: int = 0, forbidden: bool = False) -> None:
        self.version, self._moves, self._forbidden = 3, moves, forbidden

    async def see(self) -> View:
        return View(version=self.version)

    async def change(self, seen: View, expected: int) -> int:
        if self._forbidden:
            raise Forbidden()
        if self._moves:
            self._moves -= 1
            self.version += 1
        if expected != self.version:
            raise StaleVersion()
        self.version += 1
        return self.version


async def held(field: str | None, *, required: bool = True, resource: Resource | None = None) -> int:
    resource = resource or Resource()
    return await Precondition.read(field, required=required).hold(resource.see, resource.change, tag_of)


CURRENT = tag_of(View())


@pytest.mark.parametrize(
    "field",
    [CURRENT, "*", f'"other", {CURRENT}', f"  {CURRENT} ", f'"",{CURRENT}', f', ,\t"a,b" ,, W/"c" , {CURRENT},'],
)
async def test_the_state_that_is_there_lets_the_change_through(field: str) -> None:
    assert await held(field) == 4


@pytest.mark.parametrize(
    "field",
    [
        '"2f6a8b1c4d70.2"',
        f"W/{CURRENT}",
        f"w/{CURRENT}",
        CURRENT.strip('"'),
        '"other"',
        "",
        "garbage",
        '"',
        "**",
        f"*, {CURRENT}",
        f"garbage {CURRENT}",
        f'"other" {CURRENT}',
        f"{CURRENT} garbage",
        f"'{CURRENT}'",
        f"{CURRENT};q=1",
        f'"\x7f", {CURRENT}',
        ", \t" * 4000 + f"x{CURRENT}",
    ],
    ids=range(17),
)
async def test_any_other_state_is_stale_and_weak_tags_never_fit(field: str) -> None:
    with pytest.raises(StaleVersion):
        await held(field)


async def test_a_missing_field_is_told_apart_from_a_stale_one() -> None:
    with pytest.raises(PreconditionRequired):
        await held(None)
    assert await held(None, required=False) == 4


@pytest.mark.parametrize("field", [None, '"other"', "*"])
async def test_what_is_forbidden_is_told_before_any_precondition(field: str | None) -> None:
    with pytest.raises(Forbidden):
        await held(field, resource=Resource(forbidden=True))


async def test_a_change_in_between_is_told_to_whoever_named_a_state_and_taken_in_for_others() -> None:
    with pytest.raises(StaleVersion):
        await held(CURRENT, resource=Resource(moves=1))
    assert await held("*", resource=Resource(moves=2)) == 6
    assert await held(None, required=False, resource=Resource(moves=2)) == 6


async def test_endless_changes_by_others_end_in_a_conflict() -> None:
    with pytest.raises(Conflict):
        await held("*", resource=Resource(moves=1000))


def test_no_version_is_the_one_that_never_fits() -> None:
    assert NEVER < 0


@pytest.mark.parametrize("field", [CURRENT, f"W/{CURRENT}", "*", f'"a", {CURRENT}'])
def test_a_read_knows_its_state_by_weak_comparison(field: str) -> None:
    assert is_known(field, CURRENT)


@pytest.mark.parametrize("field", [None, "", '"a"', CURRENT.strip('"'), "W/*", f"x {CURRENT}", f"{CURRENT} {CURRENT}"])
def test_a_read_of_another_state_is_new(field: str | None) -> None:
    assert not is_known(field, CURRENT)
