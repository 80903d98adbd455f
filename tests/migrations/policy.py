"""What a revision takes from the code before it: whatever goes, gets another name, or is tightened."""

import re
from collections.abc import Iterator
from typing import Any

from tests.migrations.databases import Schema

_SIZED = re.compile(r"(\w+)\((\d+)\)(.*)", re.DOTALL)
TYPE, COLLATION, NULLABLE, DEFAULT, AUTOINCREMENT = range(5)
CONSTRAINTS = ("foreign keys", "unique", "checks")


def taken(before: Schema, after: Schema) -> list[str]:
    """In words, what code of the schema before can no longer rely on."""
    found = [f"table {name} is gone" for name in before.keys() - after.keys()]
    for name in sorted(before.keys() & after.keys()):
        found += [f"{name}: {words}" for words in _of_table(before[name], after[name])]
    return found


def _of_table(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    old, new = before["columns"], after["columns"]
    yield from (f"column {column} is gone" for column in old.keys() - new.keys())
    for column in new.keys() - old.keys():
        if not new[column][NULLABLE] and new[column][DEFAULT] is None:
            yield f"column {column} is new, and what inserts without it is refused"
    for column in old.keys() & new.keys():
        yield from (f"column {column} {words}" for words in _of_column(old[column], new[column]))
    if before["primary key"] != after["primary key"]:
        yield "the primary key is another one"
    for sort in CONSTRAINTS:
        yield from (f"of its {sort} one is gone: {one}" for one in before[sort] if one not in after[sort])
    yield from (
        f"index {name} is gone" for name, *rest in before["indexes"] if not _served(name, rest, after["indexes"])
    )
    known = {name for name, *_ in before["indexes"]}
    yield from (f"unique index {one[0]} is new" for one in after["indexes"] if one[2] and one[0] not in known)
    for sort in CONSTRAINTS:
        yield from (f"of its {sort} one is new: {one}" for one in after[sort] if one not in before[sort])


def _served(name: str, index: list[Any], after: list[Any]) -> bool:
    """Whether an index is there still, or another one that finds the same rows a little more slowly."""
    columns, is_unique, _ = index
    return any(other[0] == name or (not is_unique and other[1][:1] == columns[:1]) for other in after)


def _of_column(before: tuple[Any, ...], after: tuple[Any, ...]) -> Iterator[str]:
    if before[COLLATION] != after[COLLATION] or not _holds(after[TYPE], before[TYPE]):
        yield f"was {before[TYPE]} and is {after[TYPE]}"
    if before[NULLABLE] and not after[NULLABLE]:
        yield "may no longer be empty"
    if before[DEFAULT] is not None and before[DEFAULT] != after[DEFAULT]:
        yield "has another default, or none"
    if before[AUTOINCREMENT] != after[AUTOINCREMENT]:
        yield "is numbered otherwise"


def _holds(wide: str, narrow: str) -> bool:
    """Whether every value of the one type is one of the other: the same, or the same with more room."""
    if wide == narrow:
        return True
    one, other = _SIZED.fullmatch(wide), _SIZED.fullmatch(narrow)
    if one is None or other is None or (one[1], one[3]) != (other[1], other[3]):
        return False
    return int(one[2]) >= int(other[2])
