"""Sign-in, refresh and sign-out: the OAuth 2 grants (RFC 6749) and revocation (RFC 7009)."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from application.identity.passwords import PasswordKeeper
from application.identity.ports import (
    AccessTokens,
    IdentityWork,
    Principal,
    Principals,
    RefreshTokens,
    SignInThrottle,
)
from application.identity.rights import rights_in
from application.identity.second_factors import SecondFactors, Shown
from application.identity.views import AccessGrant, TokenPair
from application.shared.ports import Clock
from application.shared.settling import settled
from application.shared.unit_of_work import Operation, Work
from domain.identity.credentials import PasswordCredential
from domain.identity.errors import (
    WRONG_PASSWORD,
    WRONG_REFRESH_TOKEN,
    InvalidGrant,
    SecondFactorRequired,
    TokenRefused,
)
from domain.identity.roles import Rights
from domain.identity.sessions import Method, Session, SessionEnd
from domain.identity.users import User, normal_email
from domain.shared.actor import Actor, ActorType, Origin, anonymous
from domain.shared.errors import Conflict, Invalid
from domain.shared.values import Instant, new_id

USER_AGENT_MAX = 400
NOTHING = Shown()


@dataclass(frozen=True, slots=True)
class TokenMakers:
    """Who writes and reads the two kinds of tokens."""

    access: AccessTokens
    refresh: RefreshTokens


class AuthenticationService:
    """Gives token pairs for proofs. Every refusal is InvalidGrant, whatever the cause, and takes as long."""

    def __init__(
        self,
        work: Work[IdentityWork],
        principals: Principals,
        clock: Clock,
        passwords: PasswordKeeper,
        tokens: TokenMakers,
        throttle: SignInThrottle,
        factors: SecondFactors,
        refresh_retry_seconds: int = 0,
    ) -> None:
        self._work, self._principals, self._clock = work, principals, clock
        self._passwords, self._tokens, self._throttle = passwords, tokens, throttle
        self._factors, self._retry = factors, timedelta(seconds=refresh_retry_seconds)

    async def password_grant(
        self, origin: Origin, *, email: str, password: str, shown: Shown = NOTHING, user_agent: str | None = None
    ) -> TokenPair:
        """Sign in. Raises InvalidGrant, RateLimited, and Unavailable when too many passwords wait to be checked; where
        the password is right, SecondFactorRequired if nothing of an enrolled one is `shown`.

        An unknown account takes the same reads and the same place in the queue as a known one.
        """
        address = _address_of(email)
        account = address or email
        await self._throttle.arrive(origin.client_address, account)
        self._passwords.require_room()
        known = await self._known(origin, address)
        fits, renewed = await self._passwords.verify(password, known.credential.password_hash if known else None)
        if known is None or not fits:
            raise InvalidGrant(detail=WRONG_PASSWORD).about("user", known.user.id if known else None)
        session_id = new_id()
        actor = _actor(known.user.id, known.user.name, session_id, origin)
        methods = await self._methods(actor, known, shown, account)
        token, session = self._begin(known.user.id, session_id, methods, origin, user_agent)
        pair = await self._start(actor, known, renewed, session, token)
        await self._confirm(actor, known, session_id)
        await self._throttle.succeeded(origin.client_address, account)
        return pair

    async def refresh_grant(self, origin: Origin, *, refresh_token: str) -> TokenPair:
        """Spend a refresh token for the next pair; of several uses at once one wins.

        Any other use shows that the token was copied: it ends the session, and that is committed before InvalidGrant
        is raised. Where a retry is allowed, a token that was spent a moment ago gives the same next token again, as
        long as nobody has used that. Tokens of ended sessions and other installations are refused without consequence.
        """
        parts = self._tokens.refresh.read(refresh_token)
        if parts is None:
            raise InvalidGrant(detail=WRONG_REFRESH_TOKEN)
        session_id, generation, secret_hash = parts
        now = self._clock.now()
        principal = await self._principals.of_session(session_id, now)
        if principal is None or not principal.active:
            raise InvalidGrant(detail=WRONG_REFRESH_TOKEN)
        actor = _actor(principal.user_id, principal.name, session_id, origin)

        async def attempt() -> TokenPair:
            async with self._work(Operation("session.refresh", actor)) as uow:
                session = await uow.sessions.find(session_id)
                if session is None or not session.is_live(now) or not session.is_of(secret_hash):
                    raise InvalidGrant(detail=WRONG_REFRESH_TOKEN).about("session", session_id)
                if session.is_unused(generation):
                    token = self._tokens.refresh.next(refresh_token, session.refresh(now))
                    return await uow.commit(self._pair(session, principal.rights, token, now))
                if not session.may_repeat(generation, now, self._retry):
                    raise _Reused
                token = self._tokens.refresh.next(refresh_token, session.generation)
                return self._pair(session, principal.rights, token, now)

        try:
            return await settled(attempt)
        except _Reused:
            await self._end(actor, session_id, SessionEnd.REUSE)
            raise InvalidGrant(detail=WRONG_REFRESH_TOKEN).about("session", session_id) from None

    async def revoke(self, origin: Origin, *, token: str) -> None:
        """End the session of a refresh or access token; nothing happens for any other text (RFC 7009 §2.2)."""
        found = await self._session_of(token)
        if found is not None:
            session_id, principal = found
            actor = _actor(principal.user_id, principal.name, session_id, origin)
            await self._end(actor, session_id, SessionEnd.SIGNED_OUT)

    async def _known(self, origin: Origin, address: str) -> "_Known | None":
        async with self._work(Operation("session.start", anonymous(origin))) as uow:
            user = await uow.users.by_email(address)
            credential = await uow.passwords.find(user.id if user else new_id())
            return _Known(user, credential) if user and credential else None

    async def _methods(self, actor: Actor, known: "_Known", shown: Shown, account: str) -> tuple[Method, ...]:
        """How somebody whose password was right has signed in. A wrong second factor counts, a missing one does not."""
        try:
            return await self._factors.prove(actor, known.user.id, shown)
        except SecondFactorRequired:
            await self._throttle.give_back(actor.origin.client_address, account)
            raise

    def _begin(
        self, user_id: UUID, session_id: UUID, methods: tuple[Method, ...], origin: Origin, user_agent: str | None
    ) -> tuple[str, Session]:
        token, secret_hash = self._tokens.refresh.mint(session_id)
        session = Session.start(
            session_id=session_id,
            user_id=user_id,
            secret_hash=secret_hash,
            at=self._clock.now(),
            client_address=origin.client_address,
            user_agent=(user_agent or "")[:USER_AGENT_MAX] or None,
            methods=methods,
        )
        return token, session

    async def _start(
        self, actor: Actor, known: "_Known", renewed: str | None, session: Session, token: str
    ) -> TokenPair:
        """Keep the session of a proven user. A Conflict means that the account was deleted in between."""
        async with self._work(Operation("session.start", actor)) as uow:
            if not await known.still_holds(uow):
                raise InvalidGrant(detail=WRONG_PASSWORD).about("user", known.user.id)
            if renewed is not None:
                await uow.passwords.rehash(session.user_id, known.credential.password_hash, renewed)
            uow.sessions.add(session)
            rights = await rights_in(uow, known.user.roles)
            pair = self._pair(session, rights, token, session.created_at)
            try:
                return await uow.commit(pair)
            except Conflict:
                raise InvalidGrant(detail=WRONG_PASSWORD).about("user", known.user.id) from None

    async def _confirm(self, actor: Actor, known: "_Known", session_id: UUID) -> None:
        """Look once more: who shuts an account or changes its password ends the sessions that he sees, so one of both
        always sees the other."""
        async with self._work(Operation("session.start", actor)) as uow:
            holds = await known.still_holds(uow)
        if not holds:
            await self._end(actor, session_id, SessionEnd.ENDED)
            raise InvalidGrant(detail=WRONG_PASSWORD).about("user", known.user.id)

    async def _end(self, actor: Actor, session_id: UUID, reason: SessionEnd) -> None:
        async def attempt() -> None:
            async with self._work(Operation("session.end", actor)) as uow:
                session = await uow.sessions.find(session_id)
                if session is not None and session.ended_at is None:
                    session.end(reason, self._clock.now())
                    await uow.commit(None)

        await settled(attempt)

    async def _session_of(self, token: str) -> tuple[UUID, Principal] | None:
        """The live session that a token of either kind belongs to, and whose it is."""
        now, parts = self._clock.now(), self._tokens.refresh.read(token)
        if parts is None:
            try:
                session_id = self._tokens.access.verify(token, now).session_id
            except TokenRefused:
                return None
        else:
            session_id = parts[0]
        principal = await self._principals.of_session(session_id, now)
        return None if principal is None else (session_id, principal)

    def _pair(self, session: Session, rights: Rights, token: str, now: Instant) -> TokenPair:
        grant = access_grant(self._tokens.access, session, rights, now)
        return TokenPair(**asdict(grant), refresh_token=token)


class _Reused(Exception):
    """A refresh token was spent before."""


@dataclass(frozen=True, slots=True)
class _Known:
    """An account that can sign in, as it was before its password was checked."""

    user: User
    credential: PasswordCredential

    async def still_holds(self, uow: IdentityWork) -> bool:
        """Whether the account is still open and its password the one that was checked."""
        user, credential = await uow.users.find(self.user.id), await uow.passwords.find(self.user.id)
        if user is None or credential is None:
            return False
        return user.is_active and credential.version == self.credential.version


def access_grant(tokens: AccessTokens, session: Session, rights: Rights, now: Instant) -> AccessGrant:
    """An access token of this session, for all that its user may do now."""
    scope = " ".join(sorted(rights.permissions))
    token, seconds = tokens.issue(session.user_id, session.id, scope, session.authentication, now)
    return AccessGrant(access_token=token, expires_in=seconds, scope=scope)


def _actor(user_id: UUID, name: str, session_id: UUID, origin: Origin) -> Actor:
    return Actor(type=ActorType.USER, id=str(user_id), name=name, user_id=user_id, session_id=session_id, origin=origin)


def _address_of(email: str) -> str:
    """The normal form; for what is no address the empty text, which no account has."""
    try:
        return normal_email(email)
    except Invalid:
        return ""
