"""Rules of the domain of identity: passwords, names, addresses, sessions, rights."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identity.errors import PasswordRefused
from domain.identity.groups import MEMBERS_MAX, Group
from domain.identity.password_policy import PASSWORD_MAX, PasswordPolicy, normal_password
from domain.identity.roles import ADMIN, EDITOR, VIEWER, rights_of
from domain.identity.sessions import SESSION_LIFETIME, SessionEnd
from domain.identity.users import normal_email, normal_name
from domain.shared.errors import Invalid
from domain.shared.values import new_id
from tests.factories import BEGINNING, ApiKeyFactory, PasswordFactory, SessionFactory, UserFactory

POLICY = PasswordPolicy()
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def broken(
    password: str, *, policy: PasswordPolicy = POLICY, common: bool = False, second_factor: bool = False
) -> str | None:
    """The code of the rule that the password of Ada Lovelace breaks."""
    try:
        policy.check(
            password,
            common=common,
            name="Ada Lovelace-Byron",
            email="ada.lovelace@example.com",
            second_factor=second_factor,
        )
    except PasswordRefused as refused:
        return refused.violations[0].code
    return None


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("fourteen chars", "too_short"),
        ("fifteen charact", None),
        ("語" * 15, None),
        ("x" * PASSWORD_MAX, None),
        ("x" * (PASSWORD_MAX + 1), "too_long"),
        ("nul \x00 in the middle", "not_text"),
        ("surrogate \ud800 inside", "not_text"),
        ("ada.lovelace@example.com", "own_name"),
        ("ADA.LOVELACE@EXAMPLE.COM", "own_name"),
        ("Ada Lovelace-Byron", "own_name"),
        ("adalovelacebyron2026!", "own_name"),
        ("norybecalevoladA", "own_name"),
        ("ada.lovelaceAda Lovelace Byron", "own_name"),
        ("Ada wrote the first program", None),
    ],
)
def test_passwords_are_long_text_and_not_the_own_name(password: str, code: str | None) -> None:
    assert broken(password) == code


def test_common_passwords_are_refused() -> None:
    assert broken("passwordpassword", common=True) == "too_common"


def test_eight_characters_are_enough_beside_a_second_factor() -> None:
    assert broken("eight ch") == "too_short"
    assert broken("eight ch", second_factor=True) is None
    assert broken("seven c", second_factor=True) == "too_short"


def test_the_minimum_can_be_set_but_not_below_eight() -> None:
    assert broken("eight ch", policy=PasswordPolicy(8)) is None
    with pytest.raises(ValueError, match="8"):
        PasswordPolicy(7)


def test_the_normal_form_is_nfkc() -> None:
    assert normal_password("ﬁ ｅ e\u0301") == "fi e é"


@pytest.mark.parametrize(
    "address",
    ["", "a", "a@b", "a@b.c", "a b@example.com", "a@exa mple.com", "a@@example.com", "<a>@example.com",
     "a@example.com\x00", "a\ud800@example.com", "a@\ud800example.com", "x" * 65 + "@example.com",
     "a@" + "x" * 260 + ".com"],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Invalid):
        normal_email(address)


@given(st.text(max_size=300))
def test_an_address_has_one_normal_form(text: str) -> None:
    try:
        normal = normal_email(text)
    except Invalid:
        return
    assert normal_email(normal) == normal
    assert normal.encode()


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "nul\x00", "\ud800"])
def test_names_are_short_text(name: str) -> None:
    with pytest.raises(Invalid):
        normal_name(name)


def test_a_session_lives_until_its_end_and_keeps_its_first_reason() -> None:
    session = SessionFactory()
    assert session.is_live(BEGINNING + SESSION_LIFETIME - timedelta(seconds=1))
    assert not session.is_live(BEGINNING + SESSION_LIFETIME)
    session.end(SessionEnd.REUSE, NOW)
    session.end(SessionEnd.ENDED, NOW)
    assert (session.end_reason, len(session.events)) == (SessionEnd.REUSE, 1)
    assert not session.is_live(NOW)


def test_each_generation_is_spent_once() -> None:
    session = SessionFactory()
    assert session.is_unused(1)
    assert session.refresh(NOW) == 2
    assert [session.is_unused(generation) for generation in (1, 2, 3)] == [False, True, False]
    assert session.is_of(session.secret_hash)
    assert not session.is_of(bytes(32))


def test_rights_add_up_and_unknown_roles_add_nothing() -> None:
    assert rights_of([]).permissions == frozenset()
    both = rights_of([VIEWER, EDITOR])
    assert both.permissions == EDITOR.permissions | VIEWER.permissions
    assert not both.every_collection
    assert rights_of([ADMIN, VIEWER]).every_collection
    assert rights_of([VIEWER]).within(EDITOR.permissions, every_collection=False)
    assert not rights_of([ADMIN]).within(ADMIN.permissions, every_collection=False)


def test_the_previous_secret_of_a_key_counts_only_within_its_overlap() -> None:
    key = ApiKeyFactory()
    old, new = key.secret_hash, bytes(32)
    assert not key.takes(new, NOW)
    key.rotate(new, previous_until=NOW + timedelta(hours=1), at=NOW)
    assert key.takes(old, NOW)
    assert key.takes(new, NOW + timedelta(days=9))
    assert not key.takes(old, NOW + timedelta(hours=1))
    assert ApiKeyFactory(expired=True).is_expired(BEGINNING)


def test_a_group_is_full_at_its_limit() -> None:
    group = Group.create(name="All", description="", at=NOW)
    group.members = frozenset(new_id() for _ in range(MEMBERS_MAX - 1))
    group.add_member(new_id(), NOW)
    with pytest.raises(Invalid, match="group_full") as refused:
        group.add_member(new_id(), NOW)
    assert [violation.pointer for violation in refused.value.violations] == ["user_id"]
    group.add_member(next(iter(group.members)), NOW)
    assert len(group.members) == MEMBERS_MAX


def test_setting_the_same_roles_is_no_change() -> None:
    user = UserFactory(viewer=True)
    user.set_roles(frozenset({"viewer"}), NOW)
    assert user.events == ()
    assert PasswordFactory(user=user).id == user.id
