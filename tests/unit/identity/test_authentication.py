"""Sign-in, refresh and sign-out on one store; what happens at once is in tests/contract/test_sign_in.py."""

from datetime import timedelta

import pytest

from adapters.limits.sign_in import USUAL
from adapters.security.passwords import Argon2Passwords
from adapters.security.refresh_tokens import HmacRefreshTokens
from domain.identity.errors import InvalidGrant, TokenRefused
from domain.identity.sessions import SESSION_LIFETIME, SessionEnd
from domain.shared.actor import Origin, system_actor
from domain.shared.errors import RateLimited, Unavailable
from domain.shared.values import new_id
from tests.factories import PasswordFactory
from tests.identity_services import HASHER, ORIGIN, PASSWORD, Identity, a_throttle, identity_on
from tests.stores import memory_store

ROOT = system_actor("test")
OTHER_NORMAL_FORM = "ﬁne ｐassword with ligatures"


async def test_a_pair_says_what_it_is_for(identity: Identity) -> None:
    user = await identity.person(viewer=True)
    pair = await identity.authentication.password_grant(
        ORIGIN, email=user.email, password=PASSWORD, user_agent="x" * 1000
    )
    assert pair.expires_in == 300
    assert pair.scope == "answers api-keys collections:read documents:read jobs search"
    actor = await identity.access.actor_of(pair.access_token, ORIGIN)
    session = await identity.session(actor.session_id)
    assert (session.user_id, session.client_address, session.user_agent) == (user.id, "192.0.2.1", "x" * 400)


@pytest.mark.parametrize("email", ["nobody@example.com", "no address", "", "a@b\x00.com", "\ud800@example.com"])
async def test_unknown_accounts_are_refused_like_wrong_passwords(identity: Identity, email: str) -> None:
    user = await identity.person()
    refusals = []
    for address, password in ((email, PASSWORD), (user.email, "wrong"), (user.email, ""), (user.email, "x" * 10_000)):
        with pytest.raises(InvalidGrant) as refused:
            await identity.authentication.password_grant(ORIGIN, email=address, password=password)
        refusals.append((refused.value.code, refused.value.detail, refused.value.violations))
    assert len(set(refusals)) == 1


async def test_disabled_accounts_and_those_without_password_are_refused_likewise(identity: Identity) -> None:
    for user in (await identity.person(disabled=True), await identity.person(password=None)):
        with pytest.raises(InvalidGrant):
            await identity.sign_in(user)


async def test_the_hasher_is_asked_for_unknown_accounts_too() -> None:
    class Counting(Argon2Passwords):
        asked = 0

        async def verify(self, password: str, password_hash: str | None) -> tuple[bool, str | None]:
            Counting.asked += 1
            return await super().verify(password, password_hash)

    identity = await identity_on(memory_store(), hasher=Counting(memory_kib=8, passes=1))
    for attempt in range(3):
        with pytest.raises(InvalidGrant):
            await identity.authentication.password_grant(ORIGIN, email="nobody@example.com", password=PASSWORD)
        assert Counting.asked == attempt + 1


async def test_who_is_turned_away_at_the_door_costs_nothing_more_and_has_been_counted() -> None:
    class Full(Argon2Passwords):
        def require_room(self) -> None:
            raise Unavailable("sign_in_busy", "full", retry_after=3)

        async def verify(self, password: str, password_hash: str | None) -> tuple[bool, str | None]:
            raise AssertionError("nobody is let in")

    store = memory_store()
    identity = await identity_on(store, throttle=a_throttle(), hasher=Full(memory_kib=8, passes=1))
    for email in ("nobody@example.com", (await identity.person()).email):
        for _ in range(USUAL.pair.units):
            with pytest.raises(Unavailable):
                await identity.authentication.password_grant(ORIGIN, email=email, password=PASSWORD)
        with pytest.raises(RateLimited):
            await identity.authentication.password_grant(ORIGIN, email=email, password=PASSWORD)


async def test_a_password_is_whole_and_its_normal_form_counts(identity: Identity) -> None:
    long = "ß" * 500 + "one" + "語" * 500
    user, other = await identity.person(password=None), await identity.person(password=None)
    await identity.users.reset_password(ROOT, user.id, long)
    await identity.users.reset_password(ROOT, other.id, OTHER_NORMAL_FORM)
    await identity.sign_in(user, long)
    await identity.sign_in(other, "fine password with ligatures")
    with pytest.raises(InvalidGrant):
        await identity.sign_in(user, long[:-1])


async def test_a_hash_with_old_parameters_is_renewed_without_a_change_of_version(identity: Identity) -> None:
    user = await identity.person(password=None)
    old = await Argon2Passwords(memory_kib=16, passes=1).hash(PASSWORD)
    await identity.store.given(PasswordFactory(user=user, password_hash=old))
    entries = len(await identity.store.entries())
    await identity.sign_in(user)
    stored = await identity.store.stored("passwords", user.id)
    assert stored.password_hash != old
    assert "m=8,t=1" in stored.password_hash
    assert stored.version == 1
    assert [entry.operation for entry in (await identity.store.entries())[entries:]] == ["session.start"]
    await identity.sign_in(user)


async def test_refresh_gives_a_pair_of_the_same_session(identity: Identity) -> None:
    user = await identity.person()
    first = await identity.sign_in(user)
    second = await identity.authentication.refresh_grant(ORIGIN, refresh_token=first.refresh_token)
    third = await identity.authentication.refresh_grant(ORIGIN, refresh_token=second.refresh_token)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    actors = [await identity.access.actor_of(pair.access_token, ORIGIN) for pair in (first, third)]
    assert actors[0].session_id == actors[1].session_id


async def test_a_spent_token_ends_the_session_and_that_is_kept(identity: Identity) -> None:
    user = await identity.person()
    first = await identity.sign_in(user)
    other = await identity.sign_in(user)
    second = await identity.authentication.refresh_grant(ORIGIN, refresh_token=first.refresh_token)
    actor = await identity.access.actor_of(second.access_token, ORIGIN)
    with pytest.raises(InvalidGrant):
        await identity.authentication.refresh_grant(ORIGIN, refresh_token=first.refresh_token)
    assert (await identity.session(actor.session_id)).end_reason is SessionEnd.REUSE
    with pytest.raises(InvalidGrant):
        await identity.authentication.refresh_grant(ORIGIN, refresh_token=second.refresh_token)
    with pytest.raises(TokenRefused):
        await identity.access.actor_of(second.access_token, ORIGIN)
    last = (await identity.store.entries())[-1]
    assert [event.name for event in last.events] == ["identity.session_ended.v1"]
    assert last.actor_id == str(user.id)
    await identity.authentication.refresh_grant(ORIGIN, refresh_token=other.refresh_token)


async def test_foreign_and_altered_refresh_tokens_end_nothing(identity: Identity) -> None:
    user = await identity.person()
    pair = await identity.sign_in(user)
    session_id = (await identity.access.actor_of(pair.access_token, ORIGIN)).session_id
    assert session_id is not None
    stranger, _ = identity.tokens.refresh.mint(session_id)
    elsewhere, _ = HmacRefreshTokens(b"k" * 32).mint(session_id)
    altered = ("A" if pair.refresh_token[0] != "A" else "B") + pair.refresh_token[1:]
    unknown, _ = identity.tokens.refresh.mint(new_id())
    for token in (stranger, elsewhere, altered, unknown, pair.access_token, "", "fo_x", "é" * 112, "A" * 112):
        with pytest.raises(InvalidGrant):
            await identity.authentication.refresh_grant(ORIGIN, refresh_token=token)
    await identity.authentication.refresh_grant(ORIGIN, refresh_token=pair.refresh_token)


async def test_expired_sessions_are_refused_and_not_ended(identity: Identity) -> None:
    pair = await identity.sign_in(await identity.person())
    session_id = (await identity.access.actor_of(pair.access_token, ORIGIN)).session_id
    identity.store.clock.forward(seconds=(SESSION_LIFETIME + timedelta(seconds=1)).total_seconds())
    with pytest.raises(InvalidGrant):
        await identity.authentication.refresh_grant(ORIGIN, refresh_token=pair.refresh_token)
    assert (await identity.session(session_id)).ended_at is None


async def test_a_refresh_is_judged_by_the_account_as_it_is_now(identity: Identity) -> None:
    user = await identity.person(editor=True)
    pair = await identity.sign_in(user)
    await identity.users.change(
        ROOT, user.id, name=user.name, email=user.email, roles=frozenset({"viewer"}), expected=None
    )
    second = await identity.authentication.refresh_grant(ORIGIN, refresh_token=pair.refresh_token)
    assert "collections:write" in pair.scope
    assert "collections:write" not in second.scope


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_revoking_either_token_ends_the_session(identity: Identity, kind: str) -> None:
    user = await identity.person()
    pair = await identity.sign_in(user)
    await identity.authentication.revoke(ORIGIN, token=getattr(pair, kind))
    with pytest.raises(TokenRefused):
        await identity.access.actor_of(pair.access_token, ORIGIN)
    with pytest.raises(InvalidGrant):
        await identity.authentication.refresh_grant(ORIGIN, refresh_token=pair.refresh_token)
    entries = await identity.store.entries()
    await identity.authentication.revoke(ORIGIN, token=getattr(pair, kind))
    assert len(await identity.store.entries()) == len(entries)


async def test_revoking_what_is_unknown_does_nothing(identity: Identity) -> None:
    pair = await identity.sign_in(await identity.person())
    unknown, _ = identity.tokens.refresh.mint(new_id())
    for token in (unknown, "", "rubbish", "fo_" + "0" * 80, pair.access_token[:-2], "\ud800"):
        await identity.authentication.revoke(ORIGIN, token=token)
    await identity.access.actor_of(pair.access_token, ORIGIN)


async def test_wrong_passwords_from_one_address_lock_nobody_out_elsewhere() -> None:
    identity = await identity_on(memory_store(), throttle=a_throttle())
    user = await identity.person()
    for _ in range(USUAL.pair.units):
        with pytest.raises(InvalidGrant):
            await identity.sign_in(user, "wrong")
    with pytest.raises(RateLimited) as limited:
        await identity.sign_in(user)
    assert limited.value.retry_after
    await identity.sign_in(user, origin=Origin(client_address="198.51.100.7"))


async def test_right_passwords_are_not_limited() -> None:
    identity = await identity_on(memory_store(), throttle=a_throttle())
    user = await identity.person()
    for _ in range(3 * USUAL.pair.units):
        await identity.sign_in(user)


async def test_no_password_stands_in_the_journal(identity: Identity) -> None:
    user = await identity.person()
    await identity.sign_in(user)
    stored = await identity.store.stored("passwords", user.id)
    text = "".join(entry.body + str(entry.personal) for entry in identity.store.database.entries)
    assert PASSWORD not in text
    assert stored.password_hash not in text
    assert await HASHER.verify(PASSWORD, stored.password_hash) == (True, None)
