"""Races for one refresh token, for the tests and for the benchmark that runs many rounds of them."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest

from application.identity.views import TokenPair
from domain.identity.errors import InvalidGrant, TokenRefused
from domain.identity.sessions import SessionEnd
from domain.identity.users import User
from tests.identity_services import ORIGIN, Identity

USES = 50


async def outcomes(calls: Sequence[Awaitable[Any]]) -> tuple[list[Any], list[BaseException]]:
    """Results and refusals of calls made at once."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    refusals = [result for result in results if isinstance(result, BaseException)]
    return [result for result in results if not isinstance(result, BaseException)], refusals


async def session_of(identity: Identity, pair: TokenPair) -> Any:
    claims = identity.tokens.access.verify(pair.access_token, identity.store.clock.now())
    return await identity.session(claims.session_id)


async def is_dead(identity: Identity, pair: TokenPair) -> None:
    """Neither token of the pair is good for anything."""
    with pytest.raises(TokenRefused):
        await identity.access.actor_of(pair.access_token, ORIGIN)
    with pytest.raises(InvalidGrant):
        await identity.authentication.refresh_grant(ORIGIN, refresh_token=pair.refresh_token)


async def uses_at_once(identity: Identity, user: User, uses: int = USES) -> None:
    """Of many uses of one token one wins; the others show that it was copied, so the session ends."""
    pair = await identity.sign_in(user)
    grants = [identity.authentication.refresh_grant(ORIGIN, refresh_token=pair.refresh_token) for _ in range(uses)]
    won, refused = await outcomes(grants)
    assert len(won) == 1, (len(won), len(refused), (await session_of(identity, pair)).generation)
    assert {type(error) for error in refused} == {InvalidGrant}
    assert (await session_of(identity, pair)).end_reason is SessionEnd.REUSE
    await is_dead(identity, won[0])


async def refresh_beside_revoke(identity: Identity, user: User) -> None:
    """Whichever comes first, nothing survives a revoke."""
    pair = await identity.sign_in(user)
    refresh = identity.authentication.refresh_grant(ORIGIN, refresh_token=pair.refresh_token)
    revoke = identity.authentication.revoke(ORIGIN, token=pair.refresh_token)
    won, refused = await outcomes([refresh, revoke])
    assert {type(error) for error in refused} <= {InvalidGrant}
    assert (await session_of(identity, pair)).ended_at is not None
    for survivor in [pair, *(result for result in won if result is not None)]:
        await is_dead(identity, survivor)
