"""Access tokens: JWTs after RFC 9068, signed with Ed25519, for five minutes.

They say who somebody is and which session that came from. What that one may do is decided per request, elsewhere.
"""

import hashlib
import re
from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jwt
from joserfc.jwk import OKPKey

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
        self._keys: dict[str, Ed25519PublicKey] = {}

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
        return self._signed(claims, key), LIFETIME_SECONDS

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
        """What our own key has signed.

        The header must be, to the letter, what we write for one of our keys: it is looked up, never read, so there is
        no `alg`, `crit`, `jwk`, `jku` or `x5u` to be misled by.
        """
        signed, _, signature = token.rpartition(".")
        header, _, payload = signed.partition(".")
        key = self._keys.get(header)
        if key is None:
            raise TokenRefused()
        try:
            key.verify(_bytes(signature), signed.encode())
            return self._claims(orjson.loads(_bytes(payload)), now)
        except (InvalidSignature, ValueError, TypeError, KeyError, AttributeError, OverflowError):
            raise TokenRefused() from None

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
            methods=tuple(claims.get("amr", ())),
            level=claims.get("acr"),
        )

    def _signed(self, claims: dict[str, Any], key: OKPKey) -> str:
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.thumbprint()}
        return jwt.encode(header, claims, key, algorithms=[ALGORITHM])

    def _header(self, key: OKPKey) -> str:
        """The first part of all tokens of this key."""
        return self._signed({}, key).partition(".")[0]

    def _remembered(self, digest: bytes) -> AccessClaims | None:
        if self._epoch != self._ring.epoch:
            self._cached.clear()
            self._keys = {self._header(key): _public(key) for key in self._ring.keys.values()}
            self._epoch = self._ring.epoch
        return self._cached.get(digest)

    def _remember(self, digest: bytes, claims: AccessClaims) -> None:
        self._cached[digest] = claims
        if len(self._cached) > self._cached_max:
            self._cached.popitem(last=False)


def _public(key: OKPKey) -> Ed25519PublicKey:
    assert isinstance(key.public_key, Ed25519PublicKey)
    return key.public_key


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
