"""ID tokens: the checks of OpenID Connect Core §3.1.3.7, each with the words for whoever looks for the cause."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jws import JWSRegistry

from adapters.security.oidc.discovery import PublicKey
from domain.identity.errors import ProofRefused
from domain.identity.federation import SUBJECT_MAX
from domain.shared.values import Instant

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512")
"""Signatures with a key of the provider's own. A shared secret proves nothing that we could not have written."""
LEEWAY_SECONDS = 60
"""By how much the clock of the provider may differ."""
AGE_SECONDS = 600
"""Older tokens are not of an attempt that still counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the token has to say."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str | None = None
    max_age: int | None = None


class _Registry(JWSRegistry):
    """Some providers put their certificates into the header."""

    max_header_length = 8 * 1024
    max_payload_length = 64 * 1024

    def get_alg(self, name: str) -> Any:
        """As RFC 9864 has it, `EdDSA` should be `Ed25519`; most providers have not heard of that yet."""
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError()
        return self.algorithms[name]


_REGISTRY = _Registry(algorithms=ALGORITHMS, strict_check_header=False)


def header_of(token: str) -> tuple[str | None, str]:
    """Key id and algorithm. Raises ProofRefused for what is no token, and for algorithms that are not taken."""
    try:
        header = jws.extract_compact(token.encode(), registry=_REGISTRY).headers()
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
        raise ProofRefused("there is no ID token that can be read") from None
    kid, algorithm = header.get("kid"), header.get("alg")
    if algorithm not in ALGORITHMS or not (kid is None or isinstance(kid, str)):
        raise ProofRefused("the ID token is not signed with an algorithm that is taken")
    return kid, algorithm


def claims_of(token: str, key: PublicKey | None, algorithm: str, expected: Expected, now: Instant) -> Mapping[str, Any]:
    """The claims of a token that is whole, in time, and meant for this attempt. Raises ProofRefused."""
    if key is None:
        raise ProofRefused("the provider does not publish the key of the ID token")
    try:
        claims = jwt.decode(token, key, algorithms=[algorithm], registry=_REGISTRY).claims
    except (JoseError, ValueError, TypeError, KeyError, RecursionError, OverflowError, AttributeError):
        raise ProofRefused("the signature of the ID token does not hold") from None
    _check_parties(claims, expected)
    _check_times(claims, expected, now.timestamp())
    if claims.get("nonce") != expected.nonce:
        raise ProofRefused("the ID token is of another attempt")
    if "at_hash" in claims and claims["at_hash"] != _half_hash(expected.access_token or "", algorithm):
        raise ProofRefused("the access token is not the one of the ID token")
    return claims


def _check_parties(claims: Mapping[str, Any], expected: Expected) -> None:
    audience, party, subject = claims.get("aud"), claims.get("azp"), claims.get("sub")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != expected.issuer:
        raise ProofRefused("the ID token is of another issuer")
    if expected.client_id not in audiences or (party is None and len(audiences) > 1):
        raise ProofRefused("the ID token is for another client")
    if party is not None and party != expected.client_id:
        raise ProofRefused("the ID token is for another client")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX or not subject.isprintable():
        raise ProofRefused("the ID token names nobody")


def _check_times(claims: Mapping[str, Any], expected: Expected, now: float) -> None:
    expires, issued, begins = _number(claims, "exp"), _number(claims, "iat"), _number(claims, "nbf")
    if expires is None or issued is None:
        raise ProofRefused("the ID token does not say when it was made and expires")
    if expires <= now - LEEWAY_SECONDS or issued < now - AGE_SECONDS:
        raise ProofRefused("the ID token has expired")
    if issued > now + LEEWAY_SECONDS or (begins is not None and begins > now + LEEWAY_SECONDS):
        raise ProofRefused("the ID token is of the future; compare the clocks")
    if expected.max_age is not None:
        proven = _number(claims, "auth_time")
        if proven is None or proven < now - expected.max_age - LEEWAY_SECONDS:
            raise ProofRefused("the sign-in at the provider is not as recent as was asked for")


def _number(claims: Mapping[str, Any], name: str) -> float | None:
    """A time in seconds since 1970; None where there is none. Raises ProofRefused for what is no number."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**40:
        raise ProofRefused("the ID token has a time that is none")
    return float(value)


def _half_hash(text: str, algorithm: str) -> str:
    """OpenID Connect Core §3.1.3.6. Ed25519 goes with SHA-512."""
    name = "sha512" if algorithm.startswith("Ed") else f"sha{algorithm[2:]}"
    digest = hashlib.new(name, text.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
