"""Introspection (RFC 7662): what a token is good for at this moment, for services that are shown one."""

from dataclasses import dataclass, replace
from uuid import UUID

from application.identity.ports import AccessTokens, ApiKeySecrets, IdentityWork, Principal, RefreshTokens
from application.identity.standing import Standing
from application.shared.ports import Clock
from application.shared.unit_of_work import Operation, Work
from domain.identity.errors import TokenRefused
from domain.shared.actor import Actor, Permission
from domain.shared.values import Instant

API_KEY, ACCESS, REFRESH = "api_key", "access_token", "refresh_token"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenState:
    """An active token. `scope` is what it allows now, which may be less than when it was made.

    `authenticated_at`, `methods` (`amr`) and `level` (`acr`) tell of the sign-in behind it, where that is known.
    """

    kind: str
    subject: UUID
    username: str
    scope: frozenset[Permission]
    expires_at: Instant | None
    session_id: UUID | None = None
    authenticated_at: Instant | None = None
    methods: tuple[str, ...] = ()
    level: str | None = None


class IntrospectionService:
    """Judges by the same state that requests are judged by. Whatever is not valid now is told apart from nothing."""

    def __init__(
        self,
        work: Work[IdentityWork],
        standing: Standing,
        clock: Clock,
        access: AccessTokens,
        refresh: RefreshTokens,
        secrets: ApiKeySecrets,
    ) -> None:
        self._work, self._standing, self._clock = work, standing, clock
        self._access, self._refresh, self._secrets = access, refresh, secrets

    async def introspect(self, actor: Actor, token: str) -> TokenState | None:
        """The state of an access token, refresh token or API key; None for one that is not valid, or none at all."""
        actor.require(Permission.TOKENS_INTROSPECT)
        now = self._clock.now()
        if (key := self._secrets.read(token)) is not None:
            return await self._of_api_key(*key, now)
        if (parts := self._refresh.read(token)) is not None:
            return await self._of_refresh_token(actor, *parts, now)
        try:
            claims = self._access.verify(token, now)
        except TokenRefused:
            return None
        principal = await self._standing.of_session(claims.session_id, now)
        if principal is None or principal.user_id != claims.user_id:
            return None
        state = _state(ACCESS, principal, claims.expires_at, claims.session_id)
        return state and replace(
            state, authenticated_at=claims.authenticated_at, methods=claims.methods, level=claims.level
        )

    async def _of_refresh_token(
        self, actor: Actor, session_id: UUID, generation: int, secret_hash: bytes, now: Instant
    ) -> TokenState | None:
        async with self._work(Operation("token.introspect", actor)) as uow:
            session = await uow.sessions.find(session_id)
        if session is None or not (session.is_live(now) and session.is_of(secret_hash)):
            return None
        principal = await self._standing.of_session(session_id, now)
        if principal is None or not session.is_unused(generation):
            return None
        state, proven = _state(REFRESH, principal, session.expires_at, session_id), session.authentication
        return state and replace(state, authenticated_at=proven.at, methods=proven.methods, level=proven.level)

    async def _of_api_key(self, key_id: UUID, secret_hash: bytes, now: Instant) -> TokenState | None:
        found = await self._standing.of_api_key(key_id)
        if found is None:
            return None
        key, owner = found
        if not owner.active or key.is_expired(now) or not key.takes(secret_hash, now):
            return None
        return TokenState(
            kind=API_KEY,
            subject=owner.user_id,
            username=owner.email,
            scope=owner.rights.permissions & key.scopes,
            expires_at=key.expires_at,
        )


def _state(kind: str, principal: Principal, expires_at: Instant, session_id: UUID) -> TokenState | None:
    if not principal.active:
        return None
    return TokenState(
        kind=kind,
        subject=principal.user_id,
        username=principal.email,
        scope=principal.rights.permissions,
        expires_at=expires_at,
        session_id=session_id,
    )
