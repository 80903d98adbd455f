"""Access tokens: JWTs after RFC 9068, signed with Ed25519, for five minutes.

They say who somebody is and which session that came from. What that one may do is decided per request, elsewhere.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, OKPKey

from adapters.security.signing_keys import ALGORITHM, KeyRing
from application.identity.ports import AccessClaims
from domain.identity.errors import TokenRefused
from domain.identity.sessions import Authentication
from domain.shared.values import Instant, new_id

LIFETIME_SECONDS = 300
LEEWAY_SECONDS = 10
"""By how much the clocks of two replicas may differ; granted to `iat` only, never to `exp`."""
TOKEN_MAX = 4096
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]", re.ASCII)
"""The last digit of 64 bytes in base64url has four idle bits; they must be 0, so that no token has a second form."""
TYPE = "at+jwt"
CLIENT = "fastops"
CACHED_MAX = 4096


class JoseAccessTokens:
    """The port `AccessTokens`. Verified tokens are remembered until they expire or the key ring changes."""

    def __init__(
        self, ring: KeyRing, *, issuer: str, audience: str, siblings: str | None = None, cached_max: int = CACHED_MAX
    ) -> None:
        """`siblings` is a pattern of further issuers, each its own audience, that sign with the same keys."""
        self._ring, self._issuer, self._audience = ring, issuer, audience
        self._siblings = re.compile(siblings) if siblings else None
        self._cached: OrderedDict[bytes, AccessClaims] = OrderedDict()
        self._cached_max, self._epoch = cached_max, -1

    def issue(
        self, user_id: UUID, session_id: UUID, scope: str, authentication: Authentication, now: Instant
    ) -> tuple[str, int]:
        key = self._ring.active
        at = int(now.timestamp())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user_id),
            "client_id": CLIENT,
            "sid": str(session_id),
            "scope": scope,
            "iat": at,
            "exp": at + LIFETIME_SECONDS,
            "jti": str(new_id()),
            "auth_time": int(authentication.at.timestamp()),
            "amr": [method.value for method in authentication.methods],
            "acr": authentication.level.value,
        }
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.thumbprint()}
        return jwt.encode(header, claims, key, algorithms=[ALGORITHM]), LIFETIME_SECONDS

    def verify(self, token: str, now: Instant) -> AccessClaims:
        if len(token) > TOKEN_MAX or not _FORM.fullmatch(token):
            raise TokenRefused()
        digest = hashlib.sha256(token.encode()).digest()
        claims = self._remembered(digest)
        claims = claims or self._read(token, now)
        if claims.expires_at <= now:
            raise TokenRefused()
        self._remember(digest, claims)
        return claims

    def jwks(self) -> dict[str, object]:
        return self._ring.jwks()

    def _read(self, token: str, now: Instant) -> AccessClaims:
        try:
            decoded = jwt.decode(token, self._key_of, algorithms=[ALGORITHM])
            return self._claims(decoded.claims, now)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError, OverflowError, AttributeError):
            raise TokenRefused() from None

    def _key_of(self, signature: GuestProtocol) -> OKPKey:
        """Our own key. The header must be exactly what we write: no `crit`, `jwk`, `jku` or `x5u` is ever looked at."""
        header = signature.headers()
        key = self._ring.verifying(header.get("kid"))
        if key is None or header != {"alg": ALGORITHM, "typ": TYPE, "kid": header.get("kid")}:
            raise TokenRefused()
        return key

    def _is_ours(self, issuer: object, audience: object) -> bool:
        if issuer == self._issuer and audience == self._audience:
            return True
        known = self._siblings is not None and isinstance(issuer, str) and self._siblings.fullmatch(issuer)
        return bool(known) and audience == issuer

    def _claims(self, claims: Mapping[str, Any], now: Instant) -> AccessClaims:
        expires, issued, proven = claims["exp"], claims["iat"], claims.get("auth_time")
        if not self._is_ours(claims["iss"], claims["aud"]) or claims["client_id"] != CLIENT:
            raise TokenRefused()
        if type(expires) is not int or type(issued) is not int or not isinstance(claims["jti"], str):
            raise TokenRefused()
        if issued > now.timestamp() + LEEWAY_SECONDS:
            raise TokenRefused()
        if proven is not None and type(proven) is not int:
            raise TokenRefused()
        return AccessClaims(
            user_id=UUID(claims["sub"]),
            session_id=UUID(claims["sid"]),
            expires_at=datetime.fromtimestamp(expires, UTC),
            authenticated_at=None if proven is None else datetime.fromtimestamp(proven, UTC),
        )

    def _remembered(self, digest: bytes) -> AccessClaims | None:
        if self._epoch != self._ring.epoch:
            self._cached.clear()
            self._epoch = self._ring.epoch
        return self._cached.get(digest)

    def _remember(self, digest: bytes, claims: AccessClaims) -> None:
        self._cached[digest] = claims
        if len(self._cached) > self._cached_max:
            self._cached.popitem(last=False)
