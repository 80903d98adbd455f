"""Sessions of people who were proven by something else than a password."""

from dataclasses import asdict
from uuid import UUID

from application.identity.authentication import USER_AGENT_MAX, TokenMakers, access_grant
from application.identity.ports import IdentityWork
from application.identity.rights import rights_in
from application.identity.views import TokenPair
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Work
from domain.identity.errors import InvalidGrant
from domain.identity.sessions import Authentication, Session, SessionEnd
from domain.identity.users import User
from domain.shared.actor import Actor, ActorType, Origin, anonymous
from domain.shared.errors import Conflict
from domain.shared.values import new_id


class SessionStarts:
    """Begins sessions of open accounts, and of no others, whatever happens to the account meanwhile."""

    def __init__(self, work: Work[IdentityWork], clock: Clock, tokens: TokenMakers) -> None:
        self._work, self._clock, self._tokens = work, clock, tokens

    async def begin(
        self, origin: Origin, user_id: UUID, authentication: Authentication, user_agent: str | None = None
    ) -> TokenPair:
        """The tokens of a new session. Raises InvalidGrant where the account is gone or shut."""
        async with self._work(Operation("session.start", anonymous(origin))) as uow:
            user = await _open_account(uow, user_id)
        session_id = new_id()
        actor = Actor(
            type=ActorType.USER,
            id=str(user_id),
            name=user.name,
            user_id=user_id,
            session_id=session_id,
            origin=origin,
        )
        pair = await self._start(actor, session_id, user_id, authentication, user_agent)
        await self._confirm(actor, session_id, user_id)
        return pair

    async def _start(
        self, actor: Actor, session_id: UUID, user_id: UUID, authentication: Authentication, user_agent: str | None
    ) -> TokenPair:
        token, secret_hash = self._tokens.refresh.mint(session_id)
        now = self._clock.now()
        session = Session.start(
            session_id=session_id,
            user_id=user_id,
            secret_hash=secret_hash,
            at=now,
            client_address=actor.origin.client_address,
            user_agent=(user_agent or "")[:USER_AGENT_MAX] or None,
            methods=authentication.methods,
            authenticated_at=authentication.at,
        )
        async with self._work(Operation("session.start", actor)) as uow:
            user = await _open_account(uow, user_id)
            uow.sessions.add(session)
            grant = access_grant(self._tokens.access, session, await rights_in(uow, user.roles), now)
            try:
                return await uow.commit(TokenPair(**asdict(grant), refresh_token=token))
            except Conflict:  # the account was deleted in between
                raise InvalidGrant() from None

    async def _confirm(self, actor: Actor, session_id: UUID, user_id: UUID) -> None:
        """Look once more: who shuts an account ends the sessions that he sees, so one of both always sees the other."""
        async with self._work(Operation("session.start", actor)) as uow:
            user, session = await uow.users.find(user_id), await uow.sessions.find(session_id)
            if user is not None and user.is_active:
                return
            if session is not None and session.ended_at is None:
                session.end(SessionEnd.ENDED, self._clock.now())
                await uow.commit(None)
        raise InvalidGrant()


async def _open_account(uow: IdentityWork, user_id: UUID) -> User:
    user = await uow.users.find(user_id)
    if user is None or not user.is_active:
        raise InvalidGrant()
    return user
