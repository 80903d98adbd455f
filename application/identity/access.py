"""From a credential to an actor: who calls, and what that one may do at this moment."""

from application.identity.ports import AccessClaims, AccessTokens, ApiKeySecrets
from application.identity.standing import Standing
from application.shared.ports import Clock
from domain.identity.errors import TokenRefused
from domain.shared.actor import Actor, ActorType, Origin
from domain.shared.values import Instant

API_KEY_PREFIX = "fo_"
RECENT_SECONDS = 3600


class AccessService:
    """Judges each request by the rights as they are now; what a token or key once allowed does not count."""

    def __init__(
        self,
        standing: Standing,
        clock: Clock,
        access_tokens: AccessTokens,
        api_key_secrets: ApiKeySecrets,
        recent_seconds: int = RECENT_SECONDS,
    ) -> None:
        """`recent_seconds` is the age up to which a sign-in lets somebody do what is dangerous."""
        self._standing, self._clock = standing, clock
        self._tokens, self._secrets = access_tokens, api_key_secrets
        self._recent_seconds = recent_seconds

    async def actor_of(self, credential: str, origin: Origin) -> Actor:
        """The actor behind an access token or an API key (`fo_…`).

        Raises TokenRefused for whatever is not valid now, without a look-up where the form alone tells, and
        Unavailable where rights cannot be decided.
        """
        if credential.startswith(API_KEY_PREFIX):
            return await self._of_api_key(credential, origin)
        return await self._of_token(credential, origin)

    async def _of_token(self, token: str, origin: Origin) -> Actor:
        now = self._clock.now()
        claims = self._tokens.verify(token, now)
        principal = await self._standing.of_session(claims.session_id, now)
        if principal is None or not principal.active or principal.user_id != claims.user_id:
            raise TokenRefused()
        return principal.actor(origin, claims.session_id, self._outlived(claims, now))

    def _outlived(self, claims: AccessClaims, now: Instant) -> int | None:
        """See `Actor.outlived`. The time of sign-in is that of the token: a stolen one does not become young again."""
        proven = claims.authenticated_at
        if proven is not None and (now - proven).total_seconds() <= self._recent_seconds:
            return None
        return self._recent_seconds

    async def _of_api_key(self, text: str, origin: Origin) -> Actor:
        parts = self._secrets.read(text)
        found = await self._standing.of_api_key(parts[0]) if parts else None
        if parts is None:
            raise TokenRefused()
        refused = TokenRefused().about("api_key", parts[0])
        if found is None:
            raise refused
        now, (key, owner) = self._clock.now(), found
        if not key.takes(parts[1], now) or key.is_expired(now) or not owner.active:
            raise refused
        if not key.admits(origin.client_address):
            raise refused
        await self._standing.used(key, now)
        return Actor(
            type=ActorType.API_KEY,
            id=str(key.id),
            name=key.name,
            user_id=owner.user_id,
            permissions=owner.rights.permissions & key.scopes,
            group_ids=owner.group_ids,
            every_collection=owner.rights.every_collection,
            origin=origin,
        )
