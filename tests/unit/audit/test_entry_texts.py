"""The text of a journal entry says what was written, whatever kinds of values there are, and says it one way."""

import json
from datetime import UTC
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.persistence.entries import canonical
from domain.identity.users import UserStatus
from domain.shared.entity import plain

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
    st.uuids(),
    st.datetimes(timezones=st.just(UTC)),
    st.binary(max_size=8),
    st.sampled_from(UserStatus),
    st.frozensets(TEXT, max_size=4),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)


@given(VALUES)
def test_it_says_what_the_value_is(value: Any) -> None:
    assert json.loads(canonical(value)) == plain(value)


@given(st.dictionaries(TEXT, VALUES, max_size=6))
def test_members_are_sorted_wherever_they_came_from(members: dict[str, Any]) -> None:
    text = canonical(members)
    assert canonical(dict(reversed(members.items()))) == text
    assert list(json.loads(text)) == sorted(members)
